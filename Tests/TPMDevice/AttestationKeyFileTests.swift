import Foundation
import TPMDevice
import Testing

@Suite("The attestation key's file") struct AttestationKeyFileTests {
    private let blob = AttestationKeyBlob(kind: .p256, publicArea: [1, 2, 3], sealedPrivate: [4, 5, 6, 7])

    @Test("has a format that reads back, and refuses every cut and every addition", arguments: KeyKind.allCases)
    func format(kind: KeyKind) throws {
        let blob = AttestationKeyBlob(kind: kind, publicArea: [1, 2, 3], sealedPrivate: [])
        let encoded = blob.encoded
        #expect(encoded == Array("assay-ak".utf8) + [1, kind.rawValue, 0, 3, 1, 2, 3, 0, 0])
        #expect(try AttestationKeyBlob(encoded: encoded) == blob)
        for count in 0..<encoded.count { expectMalformed(Array(encoded.prefix(count))) }
        expectMalformed(encoded + [0])
    }

    @Test("is refused with another magic, version, kind, or a half that is too long")
    func foreignFormats() {
        for (index, value) in [(0, 0x41), (7, 0), (8, 0), (8, 2), (9, 0), (9, 3), (9, 255), (10, 0xff)]
            as [(Int, UInt8)]
        {
            var encoded = blob.encoded
            encoded[index] = value
            expectMalformed(encoded)
        }
    }

    @Test("reads back, is the owner's alone, and leaves nothing beside itself")
    func writing() throws {
        try withFolder { folder in
            let file = AttestationKeyFile(path: folder.appending(path: "ak").path)
            #expect(try file.read() == nil)
            try file.write(blob)
            #expect(try file.read() == blob)
            let other = AttestationKeyBlob(kind: .rsa2048, publicArea: [9], sealedPrivate: [8])
            try file.write(other)
            #expect(try file.read() == other)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["ak"])
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test("that can't be replaced stays, and leaves nothing beside itself")
    func failing() throws {
        try withFolder { folder in
            let path = folder.appending(path: "ak").path
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            let file = AttestationKeyFile(path: path)
            let error = try #require(throws: TPMDeviceError.self) { try file.write(blob) }
            #expect(error.code == .file(errno: EISDIR))
            #expect("\(error)".contains(path))
            #expect(throws: TPMDeviceError(.file(errno: EISDIR), in: "reading \(path)")) { try file.read() }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["ak"])
        }
    }

    @Test("is refused whole when it is endless, or another file")
    func otherFiles() throws {
        let endless = try #require(throws: TPMDeviceError.self) { try AttestationKeyFile(path: "/dev/zero").read() }
        #expect(endless.attempt == "reading /dev/zero")
        guard case .malformedKey = endless.code else {
            Issue.record("\(endless)")
            return
        }
        #expect(endless.remedy.contains("join again"))
    }

    private func expectMalformed(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
        do {
            _ = try AttestationKeyBlob(encoded: bytes)
            Issue.record("\(bytes) was accepted", sourceLocation: sourceLocation)
        } catch {
            guard case .malformedKey = error.code else {
                Issue.record("\(error)", sourceLocation: sourceLocation)
                return
            }
        }
    }

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }
}
