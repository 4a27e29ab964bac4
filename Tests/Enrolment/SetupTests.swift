import AssayCrypto
import Bytes
import Enrolment
import Foundation
import Glibc
import Store
import SystemPackage
import Testing

@Suite("What init makes") struct SetupTests {
    private let now: Int64 = 1_800_000_000

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-setup-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("is an authority whose key its owner alone can read, a server's certificate, and a store in token mode")
    func make() async throws {
        try await withFolder { folder in
            let setup = VerifierSetup(folder: folder.path)
            let issuer = try await setup.make(names: [.dns("v.example"), .ip([127, 0, 0, 1])], keyURI: nil, at: now)
            for secret in [setup.authorityKey, setup.invitationKey, setup.serverCertificate.keyFile] {
                #expect(try mode(secret) == 0o600)
            }
            let chain = try Issuer.certificates(in: setup.serverCertificate.chainFile)
            #expect(chain.count == 2 && chain[1] == issuer.certificate)
            #expect(chain[0].subjectAlternativeNames == [.dns("v.example"), .ip([127, 0, 0, 1])])
            let read = try Issuer(
                certificateFile: setup.authorityCertificate, key: setup.authorityKey, lifetimes: .init())
            #expect(read.certificate == issuer.certificate)
            let store = try Store(path: setup.store, mode: .readOnly)
            defer { store.close() }
            #expect(try store.identityMode() == .token)
            #expect(IdentityMode.token.words == "EK not certified")
            // The authority's key is in no file of the store.
            let key = try PrivateKey(pem: [UInt8](try Data(contentsOf: URL(filePath: setup.authorityKey))))
            let der = try #require(try PEMBlock.all(in: key.pem()).first).der
            let file = try Data(contentsOf: URL(filePath: setup.store.appending("data.mdb").string))
            #expect(file.range(of: Data(der.suffix(64).prefix(32))) == nil)
        }
    }

    @Test("a name that hosts are to dial is added to the server's certificate, once, and for good") func addedName()
        async throws
    {
        try await withFolder { folder in
            let setup = VerifierSetup(folder: folder.path)
            let issuer = try await setup.make(names: [.dns("v.example")], keyURI: nil, at: now)
            let certificate = setup.serverCertificate
            for host in ["V.example", "10.0.0.1", "10.0.0.1"] {
                let name = try #require(HostName(host))
                let lacksIt = try !Issuer.certificates(in: certificate.chainFile)[0].subjectAlternativeNames.contains {
                    $0.covers(name)
                }
                #expect(try certificate.renewIfDue(by: issuer, naming: name, at: now) == lacksIt, "\(host)")
            }
            #expect(try !certificate.renewIfDue(by: issuer, at: now))
            let chain = try Issuer.certificates(in: certificate.chainFile)
            #expect(chain[0].subjectAlternativeNames == [.dns("v.example"), .ip([10, 0, 0, 1])])
            #expect(chain.dropFirst().first == issuer.certificate)
        }
    }

    @Test("a file that can't be read is named once, with the remedy of its cause") func unreadable() throws {
        let error = #expect(throws: EnrolmentError.self) { try Issuer.certificates(in: "/dev/null/ca.pem") }
        #expect(error?.code == .file(errno: ENOTDIR))
        #expect(error?.description.components(separatedBy: "/dev/null/ca.pem").count == 2, "\(error as Any)")
        #expect(error?.description.contains("init") == false)
    }

    @Test("overwrites nothing") func refuses() async throws {
        try await withFolder { folder in
            let setup = VerifierSetup(folder: folder.path)
            _ = try await setup.make(names: [], keyURI: nil, at: now)
            let before = try Data(contentsOf: URL(filePath: setup.authorityKey))
            let error = await #expect(throws: EnrolmentError.self) {
                try await setup.make(names: [], keyURI: nil, at: now)
            }
            #expect(error?.code == .alreadyThere)
            #expect(try Data(contentsOf: URL(filePath: setup.authorityKey)) == before)
        }
    }

    @Test("leaves the authority's key where an OpenSSL provider has it") func providerKey() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            let path = folder.appending(path: "elsewhere.pem").path
            try Data(PrivateKey(on: .p384).pem()).write(to: URL(filePath: path))
            let setup = VerifierSetup(folder: folder.appending(path: "v").path)
            let issuer = try await setup.make(names: [.dns("v")], keyURI: "file:\(path)", at: now)
            #expect(!FileManager.default.fileExists(atPath: setup.authorityKey))
            let read = try Issuer(
                certificateFile: setup.authorityCertificate, key: "file:\(path)", lifetimes: .init())
            #expect(read.certificate == issuer.certificate)
            let error = #expect(throws: EnrolmentError.self) {
                try Issuer(certificateFile: setup.authorityCertificate, key: "no-such:thing", lifetimes: .init())
            }
            #expect(error?.code == .keyUnusable && error?.description.contains("no-such") == true)
        }
    }

    @Test("refuses a key that isn't the authority's, and files that aren't there") func wrongKey() async throws {
        try await withFolder { folder in
            let setup = VerifierSetup(folder: folder.path)
            _ = try await setup.make(names: [.dns("v")], keyURI: nil, at: now)
            for key in [setup.serverCertificate.keyFile, setup.authorityCertificate, folder.path + "/none"] {
                let error = #expect(throws: EnrolmentError.self) {
                    try Issuer(certificateFile: setup.authorityCertificate, key: key, lifetimes: .init())
                }
                #expect(error?.code == .keyUnusable)
            }
            #expect(throws: EnrolmentError.self) { try InvitationKey(file: setup.authorityKey) }
            #expect(throws: EnrolmentError.self) { try InvitationKey(file: folder.path + "/none") }
        }
    }

    @Test("is a server's certificate that is renewed when two thirds of its life are over, for the same key and names")
    func serverRenewal() async throws {
        try await withFolder { folder in
            let setup = VerifierSetup(folder: folder.path)
            let issuer = try await setup.make(names: [.dns("v")], keyURI: nil, at: now)
            let certificate = setup.serverCertificate
            let first = try Issuer.certificates(in: certificate.chainFile)
            #expect(try !certificate.renewIfDue(by: issuer, at: now + 86_400))
            #expect(try Issuer.certificates(in: certificate.chainFile) == first)
            #expect(try certificate.renewIfDue(by: issuer, at: now + 61 * 86_400))
            let second = try Issuer.certificates(in: certificate.chainFile)
            #expect(second[0] != first[0] && second[1] == first[1])
            #expect(second[0].subjectPublicKeyInfo == first[0].subjectPublicKeyInfo)
            #expect(second[0].subjectAlternativeNames == first[0].subjectAlternativeNames)
            // One that was issued while the clock was ahead is none now; nor is one that has ended.
            #expect(try certificate.renewIfDue(by: issuer, at: now))
            let third = try Issuer.certificates(in: certificate.chainFile)
            #expect(third[0].validity(at: now) == .valid && third[0] != second[0])
            #expect(try !certificate.renewIfDue(by: issuer, at: now))
            #expect(try certificate.renewIfDue(by: issuer, at: now + 91 * 86_400))
            let other = try Issuer(key: PrivateKey(on: .p256), commonName: "other", at: now)
            #expect(try certificate.renewIfDue(by: other, at: now + 61 * 86_400))
            #expect(try Issuer.certificates(in: certificate.chainFile)[1] == other.certificate)
        }
    }
}
