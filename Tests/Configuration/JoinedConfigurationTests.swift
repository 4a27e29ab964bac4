import AssayCrypto
import Bytes
import Foundation
import Messages
import Settings
import Terminal
import Testing

@testable import assay_agent

@Suite("The configuration that a host has once it joined") struct JoinedConfigurationTests {
    /// What join makes of a file for a token of `v.example:7000`.
    private func joined(_ yaml: String) throws -> Settings {
        let file = FileManager.default.temporaryDirectory.appending(path: "assay-joined-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(yaml.utf8).write(to: file)
        let token = try JoinToken(
            host: "v.example", port: 7000, authority: Digest(repeating: 1, count: 32),
            secret: Secret(Array(repeating: 2, count: 16)))
        let text = try JoinedConfiguration(
            file: file.path, token: token, state: nil, tcti: nil, log: "/its/log", environment: [:]
        ).text
        try Data(text.utf8).write(to: file)
        let settings = try Settings(AgentSettings.schema, file: file.path, environment: [:])
        try settings.requireAll()
        return settings
    }

    @Test("leads to the token's verifier, and has all else that it had") func keeps() throws {
        let settings = try joined(
            """
            verifier: { host: old.example, port: 1, name: certificate.example }
            tls: { certificate: /c, key: /k, trust: /t }
            tpm: { tcti: "swtpm:path=/a \\"b\\"", key: rsa2048 }
            log: { path: /log }
            state: /state
            shards: { directory: /shards, group: adm, readers: all, quota_bytes: 2097152 }
            trim: staged
            logging: { level: warning }
            """)
        let values = Dictionary(uniqueKeysWithValues: settings.effective.map { ($0.setting, $0.value) })
        #expect(
            values == [
                "verifier.host": "v.example", "verifier.port": "7000", "verifier.name": "-",
                "tls.certificate": "/state/agent.pem", "tls.key": "/state/agent.key",
                "tls.trust": "/state/authorities.pem", "tpm.tcti": "swtpm:path=/a \"b\"", "tpm.key": "rsa2048",
                "log.path": "/its/log", "state": "/state", "shards.directory": "/shards", "shards.group": "adm",
                "shards.readers": "all", "shards.quota_bytes": "2097152", "trim": "staged",
                "logging.level": "warning",
            ])
    }

    @Test("has the name of the verifier's certificate while the verifier is the same") func name() throws {
        let settings = try joined("verifier: { host: v.example, name: certificate.example }")
        #expect(try settings.value(of: AgentSettings.verifierName)?.description == "certificate.example")
    }

    @Test("is the same if it joins again") func again() throws {
        let once = try joined("logging: { level: warning }")
        let text = try joined(AgentSettings.schema.example(once.inFile))
        #expect(text.inFile == once.inFile)
    }

    @Test("trusts the authority that the token names, and nothing that the verifier sends beside it") func trust()
        throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-joined-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (own, other) = (try authority("own"), try authority("other"))
        let certificate = try own.issue(
            CertificateTemplate(commonName: "web-1", purpose: .client, notBefore: 0, notAfter: 4_000_000_000),
            for: PrivateKey(on: .p256).publicKey)
        let token = try JoinToken(
            host: "v.example", port: 7000, authority: own.certificate.fingerprint,
            secret: Secret(Array(repeating: 2, count: 16)))
        let configuration = try JoinedConfiguration(
            file: folder.path + "/agent.yaml", token: token, state: folder.path, tcti: nil, log: nil, environment: [:])
        let trust = folder.path + "/authorities.pem"
        func write(_ authorities: [[UInt8]]) throws {
            _ = try configuration.write(
                CertificateIssued(
                    agentID: Array("web-1".utf8), certificates: [certificate.der], authorities: authorities))
        }

        for authorities in [[], [other.certificate.der], [[1, 2]]] {
            #expect(throws: CommandFailure.self) { try write(authorities) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        }
        try write([other.certificate.der, own.certificate.der, [1, 2], own.certificate.der])
        #expect(try Certificate.all(inPEM: [UInt8](Data(contentsOf: URL(filePath: trust)))) == [own.certificate])
    }

    private func authority(_ name: String) throws -> CertificateAuthority {
        try CertificateAuthority(
            key: PrivateKey(on: .p256),
            template: CertificateTemplate(
                commonName: name, purpose: .authority, notBefore: 0, notAfter: 4_000_000_000))
    }
}
