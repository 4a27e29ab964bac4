import AssayCrypto
import Bytes
import Foundation
import Messages
import StandInKernel
import TestSupport
import Testing

extension EndToEnd {
    @Suite("A secret is where it is kept, and nowhere else") struct SecretTests {
        @Test("after a day's life of both programs that log at trace: in no log, answer, configuration or store")
        func life() async throws {
            let log = try KernelLogs.prefix(10)
            try await Newcomer.run { newcomer in
                var newcomer = newcomer
                newcomer.environment = [
                    "ASSAY_VERIFIER_LOGGING_LEVEL": "trace", "ASSAY_AGENT_LOGGING_LEVEL": "trace",
                    "TCTI_PCAP_FILE": newcomer.path("tpm.pcap"),
                ]
                try await newcomer.host.kernel.measure(log)
                #expect(try await newcomer.initialize(port: Newcomer.freePort()).exit == 0)
                let target = "/" + UUID().uuidString
                try newcomer.addHook("http://127.0.0.1:\(Newcomer.freePort())\(target)")
                try await newcomer.putPolicy(allowing: log)
                let token = try await newcomer.live(through: log)

                var secrets: [String: [UInt8]] = [
                    "verifier/ca/invitation.key": try newcomer.content("verifier/ca/invitation.key"),
                    "verifier.yaml": Array(target.utf8),
                    "tpm.pcap": try newcomer.credentialSecret(),
                ]
                for file in ["verifier/ca/ca.key", "verifier/tls/verifier.key", "agent/agent.key"] {
                    secrets[file] = try Self.privateNumber(pem: newcomer.content(file))
                }
                for (place, secret) in secrets {
                    #expect(secret.count >= 32)
                    #expect(try newcomer.files(showing: secret) == [place])
                }
                // What `invite` printed, and the file of each `join`.
                let copies = try newcomer.files(showing: JoinToken(token).secret.bytes)
                #expect(copies.count == 3)
                for copy in copies { #expect(try newcomer.content(copy).starts(with: token.utf8), "\(copy)") }
            }
        }

        /// The private number of a key on P-256, in PKCS #8: ECPrivateKey's version, then an octet string (RFC 5915).
        private static func privateNumber(pem: [UInt8]) throws -> [UInt8] {
            let der = try #require(try PEMBlock.all(in: pem).first).der
            let start = try #require(der.firstRange(of: [0x02, 0x01, 0x01, 0x04, 0x20]))
            return Array(der[start.upperBound...].prefix(32))
        }
    }

    @Suite("The search for secrets") struct SecretFormsTests {
        private static let secret: [UInt8] = (0..<32).map { $0 &* 37 &+ 211 }

        @Test(
            "finds them however they are printed",
            arguments: [
                "\(secret)", secret.hexadecimal, secret.hexadecimal.uppercased(),
                secret.map { [$0].hexadecimal }.joined(separator: ":"),
                secret.map { "\($0)" }.joined(separator: " "), "key=\(secret.prefix(15)), …",
                Data(secret).base64EncodedString(), Data([1] + secret).base64EncodedString(),
                Data([1, 2] + secret + [3]).base64EncodedString(),
                Data(secret).base64EncodedString().replacing("=", with: ""),
            ] + (0..<5).map { (Array(repeating: 9, count: $0) + secret).base32 })
        func found(text: String) {
            let forms = SecretForms(of: Self.secret)
            #expect(forms.isShown(in: Array("… \(text) …".utf8)))
            #expect(forms.isShown(in: [0] + Self.secret))
        }

        @Test("and not in what is printed of a Secret")
        func notFound() {
            #expect(!SecretForms(of: Self.secret).isShown(in: Array("\(Secret(Self.secret)) \(0...255)".utf8)))
        }
    }
}

extension Newcomer {
    /// Invites the host, joins, attests, revokes, and ends both services; returns the token.
    fileprivate func live(through log: [UInt8]) async throws -> String {
        let verifier = try await serve(settings: ["attestation.interval=1", "monitoring.port=0"])
        let stranger = try await agent(["join", "assayjoin1_0"] + joinOptions())
        #expect(stranger.exit == 2)
        let token = try await invite(["--id", "web-1"])
        let joined = try await join(token, ["--tcti", "pcap:" + host.tpm.tcti])
        #expect(joined.exit == 0, "\(joined.output)\(verifier.output)")
        #expect(try await agent(["attest", "--once", "--json"]).exit == 0)
        #expect(try await join(token).exit == 0)
        let service = try startAgent(["run"])
        try await service.wait(for: "tier=affirming")
        try await host.kernel.measure(KernelRecords.file("/tmp/back door", content: [1]))
        try await service.wait(for: "tier=contraindicated")
        for page in ["/metrics", "/healthz"] {
            let answer = try httpGet(port: try verifier.monitoringPort(), path: page)
            #expect(answer.status == 200)
            _ = try file(answer.head + answer.body)
        }
        #expect(try await self.verifier(["agents", "show", "web-1", "--json"]).exit == 1)
        for format in [[], ["--json"]] {
            #expect(try await self.verifier(["serve", "--check"] + format).exit == 0)
            #expect(try await agent(["run", "--check"] + format).exit == 0)
        }
        try await verifier.wait(for: "hook=webhook")
        #expect(try await self.verifier(["agents", "revoke", "web-1"]).exit == 0)
        try await service.wait(for: "is revoked")
        for program in [service, verifier] {
            program.send(SIGTERM)
            #expect(try await program.exitCode() == 0, "\(program.output)")
            try Self.checkLog(program)
            let services = program.output.matches(of: /service=(\S*.*)/)
            #expect(!services.isEmpty)
            // What a service is made of is no log's business.
            for service in services { #expect(service.1.count < 80 && !service.1.contains("("), "\(service.1)") }
        }
        return token
    }

    /// Every line of a log is logfmt, whoever's words are in it.
    private static func checkLog(_ program: Program) throws {
        let lines = program.output.split(separator: "\n").filter {
            !$0.hasPrefix("listening on ") && !$0.hasPrefix("health and metrics ")
        }
        for line in lines { #expect(throws: Never.self) { try LogLine(String(line)) } }
        let messages = try lines.map { try LogLine(String($0)).pairs["msg"] }
        #expect(messages.contains("verdict"))
    }

    fileprivate func addHook(_ url: String) throws {
        let file = URL(filePath: path("verifier.yaml"))
        let text = try String(contentsOf: file, encoding: .utf8)
        try Data((text + "\nhooks: { webhook: \"\(url)\", timeout: 1 }\n").utf8).write(to: file)
    }

    /// What the TPM handed out for the verifier's credential: the answer to TPM2_ActivateCredential as it went by, the
    /// response code, the parameters' size, and a TPM2B_DIGEST of 32 bytes.
    fileprivate func credentialSecret() throws -> [UInt8] {
        let traffic = try content("tpm.pcap")
        // A command with sessions, of any size.
        let command = traffic.ranges(of: [0x00, 0x00, 0x01, 0x47]).first {
            $0.lowerBound >= 6 && traffic[($0.lowerBound - 6)...].starts(with: [0x80, 0x02])
        }
        let behind = traffic[try #require(command).upperBound...]
        let answer = try #require(behind.firstRange(of: [0, 0, 0, 0, 0, 0, 0, 34, 0, 32]))
        return Array(behind[answer.upperBound...].prefix(32))
    }

    fileprivate func content(_ file: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path(file))))
    }

    /// The files of both programs, of their output and of the test's own that have a part of a secret in them.
    fileprivate func files(showing secret: [UInt8]) throws -> [String] {
        let forms = SecretForms(of: secret)
        return try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { file in
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path(file), isDirectory: &isFolder), !isFolder.boolValue else {
                return false
            }
            return forms.isShown(in: try content(file))
        }
    }
}
