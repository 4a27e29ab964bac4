import AssayCrypto
import Bytes
import TestSupport
import Testing

@Suite("Certificates") struct CertificateTests {
    /// Self-signed, with every kind of name; made with the openssl command.
    static let pem = """
        -----BEGIN CERTIFICATE-----
        MIIBwjCCAWegAwIBAgIBATAKBggqhkjOPQQDAjAiMQ4wDAYDVQQKDAVhc3NheTEQ
        MA4GA1UEAwwHYWdlbnQgNzAeFw0yNjExMjIxODQ1NDZaFw0zNjExMTkxODQ1NDZa
        MCIxDjAMBgNVBAoMBWFzc2F5MRAwDgYDVQQDDAdhZ2VudCA3MFkwEwYHKoZIzj0C
        AQYIKoZIzj0DAQcDQgAEDSDk7gKpgUTqhsy2sQm8oqieBarqTrP0G5RV97GPRagk
        f6h4CW+zwe14JktQRdCgFksN4zGYtjHFmReW15gj7aOBjTCBijBpBgNVHREBAf8E
        XzBdgg5hZ2VudDcuZXhhbXBsZYYNYXNzYXk6YWdlbnQvN4cEwAACB4cQIAENuAAA
        AAAAAAAAAAAAB6QkMCIxDjAMBgNVBAoMBWFzc2F5MRAwDgYDVQQDDAdhZ2VudCA3
        MB0GA1UdDgQWBBSB/Em9d0YqflfJ2MST3fbqhaSJvTAKBggqhkjOPQQDAgNJADBG
        AiEAtEfpZNGy5pSx07bwdom9C+mz0F6M9DqJX1lElaycJgcCIQCqqKOD0kZlL0M5
        N0APDiEyTHP57Qk7a+x89AcSIDPVEA==
        -----END CERTIFICATE-----

        """

    @Test("say who, when, and under which key")
    func values() throws {
        let certificate = try #require(Certificate.all(inPEM: Array(Self.pem.utf8)).first)
        #expect(certificate.commonName == "agent 7")
        #expect(certificate.notBefore == 1_795_373_146)
        #expect(certificate.notAfter == 2_110_733_146)
        #expect(certificate.subjectKeyIdentifier?.hexadecimal == "81fc49bd77462a7e57c9d8c493ddf6ea85a489bd")
        #expect(certificate.keyID?.description == "85a489bd")
        #expect(certificate.subjectPublicKeyInfo.hexadecimal == Keys.p256)
        #expect(try certificate.publicKey().keyID == certificate.keyID)
        #expect(try certificate.publicKey().fingerprint == certificate.publicKeyFingerprint)
        let fingerprint = "d7e57085dd093a56aacafe19aa50c125da9b333d9df0a3363b962676b06ed5ce"
        #expect(certificate.fingerprint.description == fingerprint)
        let address = [UInt8]([0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [7])
        #expect(
            certificate.subjectAlternativeNames == [
                .dns("agent7.example"), .uri("assay:agent/7"), .ip([192, 0, 2, 7]), .ip(address), .other,
            ])
    }

    @Test(
        "name a host as whoever dials it compares: any case, the first label for a star, addresses by their bytes",
        arguments: [
            (.dns("v.example"), "V.Example", true), (.dns("v.example"), "w.example", false),
            (.dns("*.example"), "v.example", true), (.dns("*.example"), "a.v.example", false),
            (.dns("*.example"), "example", false), (.dns("127.0.0.1"), "127.0.0.1", false),
            (.ip([127, 0, 0, 1]), "127.0.0.1", true), (.ip([127, 0, 0, 1]), "127.0.0.2", false),
            (.ip([UInt8](repeating: 0, count: 15) + [1]), "[0:0::1]", true), (.uri("v.example"), "v.example", false),
            (.other, "v.example", false),
        ] as [(SubjectAlternativeName, String, Bool)])
    func hosts(name: SubjectAlternativeName, host: String, isCovered: Bool) throws {
        #expect(name.covers(try #require(HostName(host))) == isCovered)
    }

    @Test("show a host as it is dialled") func shownHosts() {
        let names: [SubjectAlternativeName] = [
            .dns("v.example"), .ip([10, 0, 0, 1]), .ip([UInt8](repeating: 0, count: 15) + [1]), .ip([1]), .uri("x"),
            .other,
        ]
        #expect(names.map(\.host) == ["v.example", "10.0.0.1", "::1", nil, nil, nil])
    }

    /// The key id that each case's log names, and how its certificate comes to it.
    @Test(
        "name their key by the subject key identifier, and only else by SHA-1 of the key",
        arguments: [("sig-certKey", true), ("sig-certNoSkid", true), ("sig-certOwnSkid-stdId", false)])
    func keyIDs(name: String, matches: Bool) throws {
        let certificate = try Certificate(der: Fixtures.bytes("appraisal/ima-log/\(name)/key0.der"))
        let log = String(decoding: try Fixtures.bytes("appraisal/ima-log/\(name)/log.txt"), as: UTF8.self)
        let token = try #require(log.split(whereSeparator: \.isWhitespace).last)
        let signature = try #require([UInt8](hexadecimal: token))
        let named = KeyID(lastBytesOf: Array(signature[3..<7]))
        #expect((certificate.keyID == named) == matches)
        #expect(try certificate.publicKey().keyID == named)
        #expect(try #require(certificate.notAfter) == 1_609_459_200)
    }

    @Test("of real TPMs are read, whatever critical extensions they have")
    func endorsement() throws {
        for name in ["ek-rsa2048-cert.der", "ek-ecc384-cert.der"] {
            let der = try Fixtures.bytes("kernel/k612-imasig-sha256/boot1/tpm/\(name)")
            let certificate = try Certificate(der: der)
            #expect(certificate.commonName == "k612-imasig-sha256")
            #expect(certificate.subjectAlternativeNames == [.other])
            #expect(certificate.subjectKeyIdentifier == nil)
            #expect(certificate.notAfter == 253_402_300_799)
            #expect(try certificate.publicKey().keyID == certificate.keyID)
        }
    }

    @Test("with one id have two keys")
    func twins() throws {
        let keys = "kernel/k612-mixed-templates/boot1/keys/"
        let first = try Certificate(der: Fixtures.bytes(keys + "twina.der"))
        let second = try Certificate(der: Fixtures.bytes(keys + "twinb.der"))
        #expect(first.keyID?.description == "cafef00d")
        #expect(first.keyID == second.keyID)
        #expect(first.publicKeyFingerprint != second.publicKeyFingerprint)
    }

    @Test("cut short, lengthened or changed never trap")
    func hostile() throws {
        let der = try #require(PEMBlock.all(in: Array(Self.pem.utf8)).first).der
        for index in der.indices {
            #expect(throws: CryptoError.self) { try Certificate(der: Array(der.prefix(index))) }
            for change: UInt8 in [0x01, 0x20, 0x80, 0xff] {
                var changed = der
                changed[index] ^= change
                // Either outcome is right, as long as there is one.
                let certificate = try? Certificate(der: changed)
                #expect(certificate == nil || certificate?.der == changed)
                _ = try? certificate?.publicKey()
            }
        }
        #expect(throws: CryptoError.self) { try Certificate(der: der + [0]) }
        #expect(throws: CryptoError.self) { try Certificate(der: []) }
    }

    @Test("come several in a PEM file, other blocks between them")
    func several() throws {
        let other = "-----BEGIN NOTE-----\nAAAA\n-----END NOTE-----\n"
        let certificates = try Certificate.all(inPEM: Array((Self.pem + "text\n" + other + Self.pem).utf8))
        #expect(certificates.count == 2)
        #expect(try Certificate.all(inPEM: []).isEmpty)
        #expect(throws: CryptoError.self) { try Certificate.all(inPEM: Array(Self.pem.utf8.dropLast(40))) }
    }
}

@Suite("Key ids") struct KeyIDTests {
    @Test("are the last four bytes")
    func bytes() {
        #expect(KeyID(lastBytesOf: [9, 0, 1, 2, 0xff])?.description == "000102ff")
        #expect(KeyID(lastBytesOf: [1, 2, 3]) == nil)
        #expect(KeyID(0x0001_02ff) == KeyID(lastBytesOf: [0, 1, 2, 0xff]))
    }
}
