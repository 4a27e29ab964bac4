import ArgumentParser
import AssayCrypto
import Attester
import Bytes
import Doctor
import FoundationEssentials
import Settings
import SystemPackage
import TPMDevice
import Terminal
import Transport

/// Tells whether this host can be attested.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Tell whether this host can be attested, and what to do if not.",
        discussion: """
            Looks at the TPM, the kernel's measurements and the certificate, and asks the verifier how this host stands: \
            whether it is welcome, which policy judges it, and what its last verdict says. It changes nothing, and a \
            service that runs goes on. Run it as the agent's user to see what the service sees:

              sudo -u assay-agent assay-agent doctor

            \(ExitStatus.help([
                .done: "it can be attested", .usage: "the configuration can't be used",
                .unavailable: "it can't be attested, or isn't welcome",
            ]))
            """)

    @OptionGroup var options: AgentOptions

    @Flag(help: "One JSON object on one line.")
    var json = false

    func run() async throws {
        var probe = try probe()
        probe.tell = Output.notice
        let diagnosis = Diagnosis(await probe.facts())
        if json { Output.line(ReportedDiagnosis(diagnosis).line) } else { show(diagnosis) }
        guard diagnosis.canBeAttested else { throw CommandFailure(.unavailable) }
    }

    /// Where to look. A host that has not joined has no certificate and no verifier: that is a finding, no fault.
    private func probe() throws(CommandFailure) -> HostProbe {
        let settings = try options.settings()
        do {
            let host = try HostConfiguration(settings)
            let certificate = try? settings.value(of: AgentSettings.certificate)
            return HostProbe(
                tcti: host.tcti,
                keyFile: AttestationKeyFile(path: host.stateFolder.appending("attestation-key").string),
                logPath: host.logPath, stateFolder: host.stateFolder, shardsFolder: host.shards.directory,
                trims: host.shards.trims, certificateFile: certificate, verifier: try verifier(settings, certificate))
        } catch {
            throw .usage(error)
        }
    }

    private func verifier(
        _ settings: Settings, _ certificate: String?
    ) throws(SettingsError) -> HostProbe.Verifier? {
        guard let host = try? settings.value(of: AgentSettings.verifierHost).description else { return nil }
        let key = try? settings.value(of: AgentSettings.key)
        let credentials: TLSContext.Credentials? =
            if let certificate, let key {
                .init(certificateChainFile: certificate, privateKeyFile: key)
            } else { nil }
        return HostProbe.Verifier(
            host: host, port: try settings.value(of: AgentSettings.verifierPort),
            name: try settings.value(of: AgentSettings.verifierName)?.description ?? host, credentials: credentials,
            trustFile: try? settings.value(of: AgentSettings.trust))
    }

    private func show(_ diagnosis: Diagnosis) {
        let width = Check.allCases.map(\.rawValue.count).max() ?? 0
        for finding in diagnosis.findings {
            let mark =
                switch finding.state {
                case .ok: "ok"
                case .warning: "warn"
                case .failed: "FAILED"
                case .unknown: "?"
                }
            let name = finding.check.rawValue
            let columns = [mark, name].map { $0 + String(repeating: " ", count: ($0 == mark ? 6 : width) - $0.count) }
            Output.paragraph(columns.joined(separator: "  ") + "  ", finding.says)
            if let remedy = finding.remedy { Output.paragraph("        remedy: ", remedy) }
        }
        let failed = diagnosis.findings.count { $0.state == .failed }
        let warned = diagnosis.findings.count { $0.state == .warning }
        let warnings = warned == 0 ? "" : ", with \(warned) \(warned == 1 ? "warning" : "warnings")"
        Output.line(
            failed == 0
                ? "This host can be attested\(warnings)."
                : "This host can't be attested: \(failed) of \(diagnosis.findings.count) checks failed.")
    }
}

/// A diagnosis as scripts read it.
private struct ReportedDiagnosis: Encodable {
    private struct Reported: Encodable {
        let check: String
        let state: String
        let says: String
        let remedy: String?
    }

    private let canBeAttested: Bool
    private let checks: [Reported]

    init(_ diagnosis: Diagnosis) {
        canBeAttested = diagnosis.canBeAttested
        checks = diagnosis.findings.map {
            Reported(
                check: $0.check.rawValue.replacing(" ", with: "_"), state: $0.state.rawValue, says: $0.says,
                remedy: $0.remedy)
        }
    }

    var line: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        // Text alone: there is nothing in it that could fail to encode.
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
