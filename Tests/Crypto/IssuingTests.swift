import AssayCrypto
import Foundation
import TestSupport
import Testing

@Suite("Certificates that Assay issues") struct IssuingTests {
    private let now: Int64 = 1_700_000_000

    private func template(
        _ names: [SubjectAlternativeName], _ purpose: CertificateTemplate.Purpose, name: String = "somebody"
    ) -> CertificateTemplate {
        CertificateTemplate(
            commonName: name, names: names, purpose: purpose, notBefore: now, notAfter: now + 300)
    }

    @Test("say what was asked for")
    func fields() throws {
        let authority = try authority(at: now)
        let key = try PrivateKey(on: .p256)
        let names: [SubjectAlternativeName] = [
            .uri("urn:assay:agent:web,1:x"), .dns("a.example"), .ip([192, 0, 2, 7]),
            .ip([UInt8](repeating: 1, count: 16)),
        ]
        let issued = try authority.issue(template(names, .client), for: key.publicKey)
        #expect(issued.subjectAlternativeNames == names)
        #expect(issued.commonName == "somebody")
        #expect(issued.notBefore == now && issued.notAfter == now + 300)
        #expect(issued.subjectPublicKeyInfo == key.publicKey.subjectPublicKeyInfo)
        #expect(issued.subjectKeyIdentifier?.count == 20)
        let second = try authority.issue(template(names, .client), for: key.publicKey)
        #expect(second.der != issued.der, "the serial number is random")
    }

    @Test(
        "are taken by openssl's strict verification for their purpose, and for no other",
        arguments: [EllipticCurve.p256, .p384, .p521])
    func strict(curve: EllipticCurve) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-issued-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ certificate: Certificate, _ name: String) throws -> String {
            let url = folder.appending(path: name)
            try Data(certificate.pem()).write(to: url)
            return url.path
        }
        let authority = try authority(at: now, key: try PrivateKey(on: curve))
        let key = try PrivateKey(on: .p256).publicKey
        let root = try write(authority.certificate, "root")
        let client = try write(authority.issue(template([.uri("urn:assay:agent:a")], .client), for: key), "client")
        let server = try write(authority.issue(template([.dns("v.example")], .server), for: key), "server")
        // Without a name that fits into a subject, the alternative names are critical.
        let long = String(repeating: "x", count: 65)
        let nameless = try write(
            authority.issue(template([.uri("urn:assay:agent:\(long)")], .client, name: long), for: key), "nameless")
        func verify(_ file: String, _ purpose: String) throws {
            try runOpenSSL([
                "verify", "-x509_strict", "-attime", "\(now + 10)", "-CAfile", root, "-purpose", purpose, file,
            ])
        }
        try verify(client, "sslclient")
        try verify(server, "sslserver")
        try verify(nameless, "sslclient")
        #expect(throws: (any Error).self) { try verify(client, "sslserver") }
        #expect(throws: (any Error).self) { try verify(server, "sslclient") }
    }

    @Test("are issued by the owner of the authority's key alone")
    func foreignKey() throws {
        let certificate = try authority().certificate
        #expect(throws: CryptoError.self) {
            try CertificateAuthority(certificate: certificate, key: PrivateKey(on: .p256))
        }
    }

    @Test("are due for renewal at two thirds of their life")
    func renewal() throws {
        let key = try PrivateKey(on: .p256)
        let issued = try authority(at: now).issue(template([], .client), for: key.publicKey)
        #expect(!issued.isDueForRenewal(at: now + 199))
        #expect(issued.isDueForRenewal(at: now + 200))
        #expect(issued.isDueForRenewal(at: now + 9000))
    }

    @Test("requests are made, read and checked; any damage is refused, none traps")
    func requests() throws {
        let key = try PrivateKey(on: .p256)
        let request = try CertificateRequest(for: key)
        let read = try CertificateRequest(der: request.der)
        #expect(read.publicKey.subjectPublicKeyInfo == key.publicKey.subjectPublicKeyInfo)
        for length in 0..<request.der.count {
            #expect(throws: CryptoError.self) { try CertificateRequest(der: Array(request.der.prefix(length))) }
        }
        #expect(throws: CryptoError.self) { try CertificateRequest(der: request.der + [0]) }
        for index in request.der.indices {
            var damaged = request.der
            damaged[index] ^= 0x01
            #expect(throws: CryptoError.self, "byte \(index)") { try CertificateRequest(der: damaged) }
        }
    }

    @Test("hosts' names are addresses where they are")
    func hosts() {
        #expect(SubjectAlternativeName(host: "192.0.2.7") == .ip([192, 0, 2, 7]))
        #expect(SubjectAlternativeName(host: "::1") == .ip([UInt8](repeating: 0, count: 15) + [1]))
        #expect(SubjectAlternativeName(host: "v.example") == .dns("v.example"))
        #expect(SubjectAlternativeName(host: "192.0.2") == .dns("192.0.2"))
    }
}
