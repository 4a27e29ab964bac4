internal import AssayCrypto
internal import CTimex
internal import Files
internal import FoundationEssentials
internal import Glibc
internal import NIOPosix
internal import Shards
package import SystemPackage
internal import TPM
package import TPMDevice
package import Transport

/// Gathers the facts that the doctor judges by, each from its place. It changes nothing on the host.
package struct HostProbe: Sendable {
    /// Where a verifier is dialled, and with what.
    package struct Verifier: Sendable {
        package let host: String
        package let port: Int
        package let name: String
        /// Nil before the host has joined.
        package let credentials: TLSContext.Credentials?
        package let trustFile: String?

        package init(
            host: String, port: Int, name: String, credentials: TLSContext.Credentials?, trustFile: String?
        ) {
            self.host = host
            self.port = port
            self.name = name
            self.credentials = credentials
            self.trustFile = trustFile
        }
    }

    package var tcti: String
    package var keyFile: AttestationKeyFile
    package var logPath: FilePath
    package var stateFolder: FilePath
    package var shardsFolder: FilePath
    /// Whether the agent is to free the kernel's records.
    package var trims: Bool
    /// Nil if none is configured.
    package var certificateFile: String?
    /// Nil if none is configured.
    package var verifier: Verifier?
    /// Is given a sentence when something keeps the probe waiting.
    package var tell: @Sendable (String) -> Void = { _ in }
    /// /proc/cmdline, unless a test says otherwise.
    package var commandLineFile: FilePath = "/proc/cmdline"
    /// What /boot, /proc, /sys and /lib are in, unless a test says otherwise.
    package var root: FilePath = "/"

    package init(
        tcti: String, keyFile: AttestationKeyFile, logPath: FilePath, stateFolder: FilePath, shardsFolder: FilePath,
        trims: Bool = false, certificateFile: String?, verifier: Verifier?
    ) {
        self.tcti = tcti
        self.keyFile = keyFile
        self.logPath = logPath
        self.stateFolder = stateFolder
        self.shardsFolder = shardsFolder
        self.trims = trims
        self.certificateFile = certificateFile
        self.verifier = verifier
    }

    /// Looks at everything once.
    package func facts() async -> HostFacts {
        let (tpm, endorsement, key, boot) = await tpmAndKeys()
        let certificate = certificateState()
        return HostFacts(
            tpm: tpm, endorsement: endorsement, attestationKey: key, ima: imaState(), policy: policy(),
            commandLine: KernelCommandLine(Self.text(of: commandLineFile) ?? ""), log: log(), kexec: kexec(boot),
            state: folder(stateFolder, setting: "state"), shards: folder(shardsFolder, setting: "shards.directory"),
            trimming: HostFacts.Trimming(isWanted: trims, isOffered: isTrimmingOffered),
            now: Int64(time(nil)), isClockSynchronised: Self.isClockSynchronised(),
            certificate: certificate,
            exposedKey: verifier?.credentials.flatMap { KeyExposure(ofKeyFile: $0.privateKeyFile) },
            verifier: await verifierState(certificate))
    }
}

// MARK: - The TPM

extension HostProbe {
    private func tpmAndKeys() async -> (
        HostFacts.TPM, HostFacts.EndorsementState, HostFacts.AttestationKeyState, BootEpoch?
    ) {
        do {
            let device = try await TPMDevice.open(tcti: tcti, tell: tell)
            let banks = try await device.activeBanks()
            let boot = try await BootEpoch(resetCount: device.readClock().resetCount)
            return (
                .answers(tcti: tcti, banks: banks), await endorsementState(device), await keyState(device), boot
            )
        } catch {
            return (.fails(Self.problem(error)), .unknown, .unknown, nil)
        }
    }

    private func endorsementState(_ device: TPMDevice) async -> HostFacts.EndorsementState {
        do {
            let hierarchy = try await device.endorsementHierarchy()
            guard let obstacle = hierarchy.obstacle else { return .usable(others: hierarchy.others) }
            return .fails(.init(obstacle.reason, remedy: obstacle.remedy))
        } catch {
            return .fails(Self.problem(error))
        }
    }

    private func keyState(_ device: TPMDevice) async -> HostFacts.AttestationKeyState {
        do {
            guard let blob = try keyFile.read() else { return .none }
            try await device.loadAttestationKey(blob)
            return .loaded
        } catch {
            return .fails(Self.problem(error))
        }
    }

    private static func problem(_ error: any Error) -> HostFacts.Problem {
        guard let error = error as? TPMDeviceError else {
            return .init("\(error)", remedy: "check the setting tpm.tcti")
        }
        return .init("\(error.attempt): \(error.reason)", remedy: error.remedy)
    }
}

// MARK: - The kernel

extension HostProbe {
    private var isFolder: Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: logPath.string, isDirectory: &isFolder) && isFolder
    }

    private func imaState() -> HostFacts.IMAState {
        if isFolder { return .on(folder: logPath.string) }
        if FileManager.default.fileExists(atPath: logPath.string) { return .file(logPath.string) }
        // integrity/ima is inside securityfs, which is empty where it isn't mounted.
        let securityfs = logPath.removingLastComponent().removingLastComponent()
        let inside = try? FileManager.default.contentsOfDirectory(atPath: securityfs.string)
        return inside?.isEmpty ?? true ? .hidden(folder: logPath.string) : .off(folder: logPath.string)
    }

    private func policy() -> IMAPolicy? {
        guard isFolder, let text = Self.text(of: logPath.appending("policy")), !text.isEmpty else { return nil }
        return IMAPolicy(text)
    }

    /// Reads the log once, from its beginning to its end.
    private func log() -> HostFacts.Log {
        let path = isFolder ? logPath.appending("binary_runtime_measurements") : logPath
        var survey = LogSurvey()
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            defer { try? file.close() }
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = try buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
                try survey.take(buffer[..<count])
            }
        } catch let error as Errno {
            return .fails(Self.unreadable(path, error))
        } catch {
            return .fails(
                .init("\(path): \(error)", remedy: "point log.path at the kernel's binary_runtime_measurements"))
        }
        guard !survey.isMalformed else {
            return .fails(
                .init(
                    "\(path) is no measurement log",
                    remedy: "point log.path at the kernel's binary_runtime_measurements"))
        }
        return .read(survey)
    }

    private var isTrimmingOffered: Bool {
        let staged = logPath.appending("binary_runtime_measurements_staged")
        return isFolder && FileManager.default.fileExists(atPath: staged.string)
    }

    /// - Parameter boot: whose shards to ask; nil if the TPM doesn't tell.
    private func kexec(_ boot: BootEpoch?) -> HostFacts.Kexec {
        let gaps = boot.flatMap { try? ShardReader.gaps(in: shardsFolder, epoch: $0) } ?? []
        let loaded = Self.text(of: root.appending("sys/kernel/kexec_loaded")) ?? ""
        return HostFacts.Kexec(
            carriesLog: kernelConfiguration().map { $0.contains("\nCONFIG_IMA_KEXEC=y\n") },
            isLoaded: loaded.hasPrefix("1"), gaps: gaps.map(\.description))
    }

    /// What the running kernel was built with, where the distribution has put that.
    private func kernelConfiguration() -> String? {
        let release = Self.text(of: root.appending("proc/sys/kernel/osrelease"))?.split(whereSeparator: \.isWhitespace)
        guard let name = release?.first, !name.contains("/") else { return nil }
        for path in ["boot/config-\(name)", "lib/modules/\(name)/config"] {
            if let text = Self.text(of: root.appending(path)) { return "\n" + text }
        }
        return nil
    }

    private static func unreadable(_ path: FilePath, _ error: Errno) -> HostFacts.Problem {
        let remedy =
            switch error {
            case .permissionDenied, .notPermitted:
                "run as root, or as a member of the file's group (tss, where the package's tmpfiles rule was applied)"
            case .noSuchFileOrDirectory: "boot a kernel with IMA on, and see that securityfs is mounted"
            case .resourceBusy: "another program is trimming the log: try again"
            default: "see the kernel's log (dmesg)"
            }
        return .init("\(path): \(error)", remedy: remedy)
    }

    private static func text(of path: FilePath) -> String? {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return nil }
        defer { try? file.close() }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - SeeAlso: adjtimex(2): asking changes nothing, and TIME_ERROR is an unsynchronised clock.
    private static func isClockSynchronised() -> Bool {
        var clock = timex()
        clock.modes = 0
        return adjtimex(&clock) != TIME_ERROR
    }
}

// MARK: - The agent's own things

extension HostProbe {
    private func folder(_ path: FilePath, setting: String) -> HostFacts.StateFolder {
        // What doesn't exist yet is made inside the nearest folder that does.
        var folder = path
        while !FileManager.default.fileExists(atPath: folder.string), folder.removeLastComponent() {}
        guard FileManager.default.isWritableFile(atPath: folder.string) else {
            return .fails(
                .init(
                    "\(folder) can't be written",
                    remedy: "give it to the agent's user, or set \(setting) to another folder")
            )
        }
        var system = statvfs()
        guard statvfs(folder.string, &system) == 0 else {
            return .fails(.init("\(folder) is on no file system", remedy: "set \(setting) to another folder"))
        }
        let (free, isMore) = UInt64(system.f_bavail).multipliedReportingOverflow(by: UInt64(system.f_frsize))
        return .writable(path: path.string, free: isMore ? .max : free)
    }

    private func certificateState() -> HostFacts.CertificateState {
        guard let certificateFile else { return .absent(path: nil) }
        guard FileManager.default.fileExists(atPath: certificateFile) else { return .absent(path: certificateFile) }
        do {
            let pem = [UInt8](try Data(contentsOf: URL(filePath: certificateFile)))
            guard let own = try Certificate.all(inPEM: pem).first else {
                return .fails(
                    .init("\(certificateFile) holds no certificate", remedy: "join again, or correct tls.certificate"))
            }
            return .present(own, identity: try PeerIdentity(own.subjectAlternativeNames).description)
        } catch {
            return .fails(.init("\(certificateFile): \(error)", remedy: "join again, or correct tls.certificate"))
        }
    }
}
