import AssayCrypto
import Bytes
import Logging
import Server
import Settings
import SystemPackage
import TPMDevice
import Testing
import Transport

@testable import assay_agent
@testable import assay_verifier

/// A setting that is read must be declared, or a file that has it would be refused.
@Suite("A configuration with every setting") struct SettingsReadTests {
    @Test("is what the agent reads") func agent() throws {
        let settings = try Settings(
            AgentSettings.schema, file: nil,
            flags: [
                "verifier.host=v.example", "verifier.port=1", "verifier.name=n.example", "tls.certificate=/c",
                "tls.key=/k", "tls.trust=/t", "tpm.tcti=swtpm:", "tpm.key=rsa2048", "log.path=/log", "state=/state",
                "logging.level=debug",
            ], environment: [:])
        let configuration = try AgentConfiguration(settings)
        #expect(configuration.verifierHost == "v.example" && configuration.verifierPort == 1)
        #expect(configuration.verifierName == "n.example")
        #expect(configuration.credentials == .init(certificateChainFile: "/c", privateKeyFile: "/k"))
        #expect(configuration.trustFile == "/t" && configuration.host.tcti == "swtpm:")
        #expect(configuration.host.keyKind == .rsa2048 && configuration.host.logPath == "/log")
        #expect(configuration.host.stateFolder == "/state" && configuration.logLevel == .debug)
    }

    @Test("is what the verifier reads") func verifier() throws {
        let settings = try Settings(
            VerifierSettings.schema, file: nil,
            flags: [
                "listen.host=::", "listen.port=0", "store=/store", "tls.certificate=/c", "tls.key=/k", "tls.trust=/t",
                "attestation.interval=2", "attestation.max_age=3", "attestation.banks=sha512,sha1",
                "attestation.shard_bytes=65537", "attestation.window=5", "attestation.evidence_timeout=6",
                "attestation.shard_timeout=7", "logging.level=debug",
            ], environment: [:])
        let configuration = try VerifierConfiguration(settings, storePath: "/store")
        #expect(configuration.host.description == "::" && configuration.port == 0)
        #expect(configuration.credentials == .init(certificateChainFile: "/c", privateKeyFile: "/k"))
        #expect(configuration.trustFile == "/t")
        #expect(configuration.session.roundSeconds == 2 && configuration.session.banks == [.sha512, .sha1])
        #expect(configuration.session.shardBytes == 65537 && configuration.session.window == 5)
        #expect(configuration.session.evidenceSeconds == 6 && configuration.session.shardSeconds == 7)
        #expect(try settings.value(of: VerifierSettings.maximumAge) == 3)
        #expect(try settings.value(of: VerifierSettings.level) == .debug)
    }

    @Test("lets no verdict cease to stand before the next is due") func verdictsThatLapse() throws {
        func configured(_ attestation: String...) throws -> VerifierConfiguration {
            let flags = ["tls.certificate=/c", "tls.key=/k", "tls.trust=/t"] + attestation
            return try VerifierConfiguration(
                Settings(VerifierSettings.schema, file: nil, flags: flags, environment: [:]), storePath: "/store")
        }
        #expect(try configured("attestation.interval=599").maximumAge == 600)
        let error = #expect(throws: SettingsError.self) { _ = try configured("attestation.interval=600") }
        #expect(error?.faults.map(\.key) == ["attestation.max_age"])
        #expect(error?.description.contains("attestation.interval, which is 600 (--set)") == true, "\(error as Any)")
    }

    @Test("names every setting that is missing at once") func missing() throws {
        let agent = #expect(throws: SettingsError.self) {
            _ = try AgentConfiguration(
                Settings(AgentSettings.schema, file: nil, flags: ["tls.key=/k"], environment: [:]))
        }
        #expect(agent?.faults.map(\.key) == ["verifier.host", "tls.certificate", "tls.trust"])
    }
}
