import AssayCrypto
import Bytes
import Foundation
import TestSupport
import Testing

@testable import Offline

@Suite("A host's files")
struct FileTreeTests {
    @Test("are listed below their root, links and devices left out, with their digests")
    func tree() throws {
        let folder = try TemporaryFolder()
        let root = folder.path("root")
        let files = FileManager.default
        try files.createDirectory(atPath: root + "/usr/bin/a b", withIntermediateDirectories: true)
        try files.createDirectory(atPath: root + "/empty", withIntermediateDirectories: true)
        _ = try folder.write(Array("one".utf8), "root/usr/bin/one")
        _ = try folder.write([], "root/usr/bin/a b/two")
        _ = try folder.write([UInt8](repeating: 7, count: 300_000), "root/large")
        _ = try folder.write([1], "root/left-out")
        try files.createSymbolicLink(atPath: root + "/link", withDestinationPath: "/etc/hostname")
        try files.createSymbolicLink(atPath: root + "/loop", withDestinationPath: ".")
        #expect(mkfifo(root + "/pipe", 0o600) == 0)
        let strange = root + "/not-utf8-"
        let bytes = strange.utf8.map { CChar(bitPattern: $0) } + [CChar(bitPattern: 0xff), 0]
        let descriptor = open(bytes, O_CREAT | O_WRONLY, 0o600)
        #expect(descriptor >= 0)
        close(descriptor)

        for algorithm in [HashAlgorithm.sha256, .sha1] {
            var tree = FileTree(root + "/", algorithm: algorithm) { $0 == Array("/left-out".utf8) }
            var found: [[UInt8]: Digest] = [:]
            try tree.forEach { found[$0.path] = $0.digest }
            let expected: [[UInt8]: [UInt8]] = [
                Array("/usr/bin/one".utf8): Array("one".utf8), Array("/usr/bin/a b/two".utf8): [],
                Array("/large".utf8): [UInt8](repeating: 7, count: 300_000), Array("/not-utf8-".utf8) + [0xff]: [],
            ]
            #expect(found == (try expected.mapValues { try algorithm.digest(of: $0) }))
            #expect(tree.unreadable.isEmpty)
        }
    }

    @Test("that aren't there are an error")
    func missing() throws {
        var tree = FileTree("/nonexistent", algorithm: .sha256) { _ in false }
        #expect(throws: OfflineError.self) { try tree.forEach { _ in } }
    }
}
