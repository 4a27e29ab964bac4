import AssayCrypto
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite("Certificates in files") struct TLSContextTests {
    @Test("that aren't there, aren't PEM or don't belong together are named") func badFiles() throws {
        let pki = try TestPKI()
        defer { pki.remove() }
        try Data("no PEM".utf8).write(to: pki.folder.appending(path: "noise.pem"))
        let cases: [(chain: String, key: String, roots: String, culprit: String)] = [
            ("missing.pem", "agent.key", "ca.pem", "missing.pem"),
            ("noise.pem", "agent.key", "ca.pem", "noise.pem"),
            ("agent.pem", "missing.key", "ca.pem", "missing.key"),
            ("agent.pem", "verifier.key", "ca.pem", "verifier.key"),
            ("agent.pem", "agent.key", "missing.pem", "missing.pem"),
            ("agent.pem", "agent.key", "noise.pem", "noise.pem"),
        ]
        for (chain, key, roots, culprit) in cases {
            let error = #expect(throws: TLSError.self) {
                try TLSContext.client(
                    credentials: .init(certificateChainFile: pki.path(chain), privateKeyFile: pki.path(key)),
                    trustRootsFile: pki.path(roots))
            }
            #expect(error?.code == (culprit.hasPrefix("missing") ? .file(errno: ENOENT) : .configuration))
            #expect(error?.description.contains(pki.path(culprit)) == true)
            // What only names the library that an error came through tells nobody anything.
            #expect(error?.description.contains(" lib") == false, "\(error as Any)")
        }
    }

    @Test("with a passphrase are refused instead of asked for") func passphrase() throws {
        let pki = try TestPKI()
        defer { pki.remove() }
        try runOpenSSL(
            ["pkey", "-in", pki.path("agent.key"), "-aes256", "-passout", "pass:x", "-out", pki.path("locked.key")])
        let error = #expect(throws: TLSError.self) {
            try TLSContext.client(
                credentials: .init(certificateChainFile: pki.path("agent.pem"), privateKeyFile: pki.path("locked.key")),
                trustRootsFile: pki.path("ca.pem"))
        }
        #expect(error?.code == .configuration)
    }
}

@Suite("Identity of a certificate") struct PeerIdentityTests {
    @Test(
        "is the first agent URI, else the first host name",
        arguments: [
            ([.uri("urn:assay:agent:Web-1")], "Web-1"),
            ([.dns("host.test"), .uri("https://x.test"), .uri("urn:assay:agent:a"), .uri("urn:assay:agent:b")], "a"),
            ([.ip([127, 0, 0, 1]), .dns("Host.Test"), .dns("other.test")], "host.test"),
            ([.dns("*.test"), .dns("b.test")], "b.test"),
            ([.uri("urn:assay:agent:" + String(repeating: "x", count: 255))], String(repeating: "x", count: 255)),
        ] as [([SubjectAlternativeName], String)])
    func identity(names: [SubjectAlternativeName], expected: String) throws {
        #expect(try PeerIdentity(names).bytes == Array(expected.utf8))
    }

    @Test(
        "is missing, empty, too long or not printable",
        arguments: [
            [], [.other], [.ip([10, 0, 0, 1])], [.uri("https://x.test")], [.dns("*.test")],
            [.uri("urn:assay:agent:"), .dns("host.test")], [.uri("urn:assay:agent:a b")],
            [.uri("urn:assay:agent:a\0b")], [.dns("host\u{e9}.test")], [.dns("")],
            [.uri("urn:assay:agent:" + String(repeating: "x", count: 256))],
        ] as [[SubjectAlternativeName]])
    func refused(names: [SubjectAlternativeName]) {
        let error = #expect(throws: TLSError.self) { try PeerIdentity(names) }
        #expect(error?.code == .unidentified)
    }
}
