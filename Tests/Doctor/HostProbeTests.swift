import AssayCrypto
import Doctor
import Foundation
import Shards
import SystemPackage
import TPM
import TPMDevice
import TestSupport
import Testing
import Transport

@Suite("A host, looked at", .serialized) struct HostProbeTests {
    /// A folder that is gone afterwards.
    private func inFolder(_ body: (FilePath) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-doctor-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(FilePath(folder.path))
    }

    private func probe(_ folder: FilePath, tcti: String = "swtpm:host=127.0.0.1,port=9") -> HostProbe {
        HostProbe(
            tcti: tcti, keyFile: AttestationKeyFile(path: folder.appending("key").string),
            logPath: folder.appending("securityfs/integrity/ima"), stateFolder: folder.appending("state/agent"),
            shardsFolder: folder.appending("shards"),
            certificateFile: nil, verifier: nil)
    }

    private func place(_ fixture: String, _ name: String, in folder: FilePath) throws {
        let target = folder.appending("securityfs/integrity/ima")
        try FileManager.default.createDirectory(atPath: target.string, withIntermediateDirectories: true)
        try Data(try Fixtures.bytes("kernel/k612-imasig-sha256/boot1/\(fixture)"))
            .write(to: URL(filePath: target.appending(name).string))
    }

    @Test("shows what its kernel and its TPM tell") func healthy() async throws {
        let tpm = try SoftwareTPM()
        defer { tpm.stop() }
        try await inFolder { folder in
            try place("log/binary_runtime_measurements", "binary_runtime_measurements", in: folder)
            try place("policy.txt", "policy", in: folder)
            let facts = await probe(folder, tcti: tpm.tcti).facts()
            guard case .answers(_, let banks) = facts.tpm else {
                Issue.record("\(facts.tpm)")
                return
            }
            #expect(banks.contains(.sha256))
            #expect(facts.attestationKey == .none && facts.endorsement == .usable())
            #expect(facts.ima == .on(folder: folder.appending("securityfs/integrity/ima").string))
            #expect(facts.policy?.measuresKeys(of: ".ima") == true)
            guard case .read(let survey) = facts.log else {
                Issue.record("\(facts.log)")
                return
            }
            #expect(survey.beginning == .bootAggregate && survey.files > 0)
            guard case .writable(_, let free) = facts.state else {
                Issue.record("\(facts.state)")
                return
            }
            #expect(free > 0)
            #expect(facts.certificate == .absent(path: nil) && facts.verifier == .notConfigured)
            #expect(facts.now > 1_735_689_600)
            // Nothing was made on the host.
            #expect(!FileManager.default.fileExists(atPath: folder.appending("state").string))
        }
    }

    @Test("shows an endorsement hierarchy with a password, or switched off, without changing it") func endorsement()
        async throws
    {
        for (spoil, remedy) in [
            ({ try $0.setPassword("secret", of: .endorsement) }, "tpm2_changeauth -c endorsement"),
            ({ try $0.disable(.endorsement) }, "firmware"),
        ] as [((SoftwareTPM) throws -> Void, String)] {
            let tpm = try SoftwareTPM()
            defer { tpm.stop() }
            try spoil(tpm)
            try await inFolder { folder in
                for _ in 0..<2 {
                    guard case .fails(let problem) = await probe(folder, tcti: tpm.tcti).facts().endorsement else {
                        Issue.record("the hierarchy was taken for usable")
                        return
                    }
                    #expect(problem.remedy.contains(remedy), "\(problem)")
                }
            }
        }
    }

    @Test("shows what a kexec does to the log, and has done") func kexec() async throws {
        let tpm = try SoftwareTPM()
        defer { tpm.stop() }
        try await inFolder { folder in
            var probe = probe(folder, tcti: tpm.tcti)
            probe.root = folder
            #expect(await probe.facts().kexec == .init(carriesLog: nil, isLoaded: false, gaps: []))
            func write(_ text: String, _ path: String) throws {
                let file = URL(filePath: folder.appending(path).string)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
            }
            try write("6.12.95\n", "proc/sys/kernel/osrelease")
            try write("1\n", "sys/kernel/kexec_loaded")
            try write("CONFIG_IMA=y\n# CONFIG_IMA_KEXEC is not set\n", "lib/modules/6.12.95/config")
            #expect(await probe.facts().kexec == .init(carriesLog: false, isLoaded: true, gaps: []))
            try write("CONFIG_IMA_KEXEC=y\n", "boot/config-6.12.95")
            let clock = try await TPMDevice(tcti: tpm.tcti).readClock()
            try write("217 not-carried-over\n", "shards/\(BootEpoch(resetCount: clock.resetCount).folder)/gaps")
            let facts = await probe.facts()
            #expect(facts.kexec.carriesLog == true && facts.kexec.gaps.count == 1)
            #expect(facts.kexec.gaps.first?.contains("record 217") == true)
        }
    }

    @Test("shows whether records are to be freed, and can be") func trimming() async throws {
        try await inFolder { folder in
            try place("log/binary_runtime_measurements", "binary_runtime_measurements", in: folder)
            var probe = probe(folder)
            #expect(await probe.facts().trimming == .init(isWanted: false, isOffered: false))
            try place("policy.txt", "binary_runtime_measurements_staged", in: folder)
            probe.trims = true
            #expect(await probe.facts().trimming == .init(isWanted: true, isOffered: true))
        }
    }

    @Test("shows its own attestation key, and another TPM's") func keys() async throws {
        let tpm = try SoftwareTPM()
        let other = try SoftwareTPM()
        defer {
            tpm.stop()
            other.stop()
        }
        try await inFolder { folder in
            let key = try await TPMDevice(tcti: tpm.tcti).createAttestationKey(.p256)
            try AttestationKeyFile(path: folder.appending("key").string).write(key)
            #expect(await probe(folder, tcti: tpm.tcti).facts().attestationKey == .loaded)
            guard case .fails(let problem) = await probe(folder, tcti: other.tcti).facts().attestationKey else {
                Issue.record("another TPM's key was taken")
                return
            }
            #expect(problem.reason.contains("not this TPM's") && problem.remedy.contains("join"))
        }
    }

    @Test("without anything shows what is missing") func bare() async throws {
        try await inFolder { folder in
            var facts = await probe(folder).facts()
            guard case .fails(let problem) = facts.tpm else {
                Issue.record("\(facts.tpm)")
                return
            }
            #expect(problem.reason.contains("127.0.0.1") && !problem.remedy.isEmpty)
            #expect(facts.attestationKey == .unknown && facts.policy == nil)
            #expect(facts.ima == .hidden(folder: folder.appending("securityfs/integrity/ima").string))
            try FileManager.default.createDirectory(
                atPath: folder.appending("securityfs/lockdown").string, withIntermediateDirectories: true)
            facts = await probe(folder).facts()
            #expect(facts.ima == .off(folder: folder.appending("securityfs/integrity/ima").string))
            guard case .fails(let missing) = facts.log else {
                Issue.record("\(facts.log)")
                return
            }
            #expect(missing.remedy.contains("IMA"))
            #expect(!Diagnosis(facts).canBeAttested)
        }
    }

    @Test("shows a log that is none") func malformed() async throws {
        try await inFolder { folder in
            var probe = probe(folder)
            probe.logPath = folder.appending("file")
            try Data("nothing that a kernel would write".utf8).write(to: URL(filePath: probe.logPath.string))
            let facts = await probe.facts()
            #expect(facts.ima == .file(probe.logPath.string))
            guard case .fails(let problem) = facts.log else {
                Issue.record("\(facts.log)")
                return
            }
            #expect(problem.reason.contains("no measurement log") && problem.remedy.contains("log.path"))
        }
    }
}
