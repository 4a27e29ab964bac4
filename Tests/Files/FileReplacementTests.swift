import Files
import Foundation
import Testing

@Suite("Files that are replaced whole") struct FileReplacementTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("have the mode that was asked for, and leave nothing beside them")
    func replace() throws {
        try withFolder { folder in
            let path = folder + "/file"
            #expect(try contents(ofFile: path, limit: 10) == nil)
            #expect(!exists(path))
            try replaceFile(at: path, with: [1, 2], mode: 0o600)
            #expect(try contents(ofFile: path, limit: 10) == [1, 2])
            #expect(try mode(path) == 0o600)
            try replaceFile(at: path, with: [3], mode: 0o644)
            #expect(try contents(ofFile: path, limit: 10) == [3])
            #expect(try mode(path) == 0o644)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
        }
    }

    @Test("are read one byte over the limit, so that a file that is too long is told")
    func limit() throws {
        try withFolder { folder in
            try replaceFile(at: folder + "/file", with: [UInt8](repeating: 7, count: 100_000), mode: 0o600)
            #expect(try contents(ofFile: folder + "/file", limit: 10)?.count == 11)
            #expect(try contents(ofFile: folder + "/file", limit: 100_000)?.count == 100_000)
        }
    }

    @Test("that must be there, and be no longer than the limit") func required() throws {
        try withFolder { folder in
            let missing = #expect(throws: FileError.self) {
                try requiredContents(ofFile: folder + "/file", limit: 1)
            }
            #expect(missing?.errno == ENOENT)
            try writeFile(at: folder + "/file", with: [1, 2])
            #expect(try requiredContents(ofFile: folder + "/file", limit: 2) == [1, 2])
            let long = #expect(throws: FileError.self) { try requiredContents(ofFile: folder + "/file", limit: 1) }
            #expect(long?.errno == EFBIG)
        }
    }

    @Test("that are no files are written to, and stay what they are") func devices() throws {
        try withFolder { folder in
            try replaceFile(at: folder + "/file", with: [7, 7, 7], mode: 0o600)
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/link", withDestinationPath: folder + "/file")
            try writeFile(at: folder + "/link", with: [1])
            #expect(try contents(ofFile: folder + "/file", limit: 10) == [1])
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == folder + "/file")
            let full = #expect(throws: FileError.self) { try writeFile(at: "/dev/full", with: [1]) }
            #expect(full?.errno == ENOSPC && full?.remedy.contains("make room") == true)
        }
    }

    @Test("lie in folders that only their owner enters; one that is there stays as it is")
    func folders() throws {
        try withFolder { folder in
            try makePrivateFolder(at: folder + "/a/b")
            #expect(try mode(folder + "/a") == 0o700)
            #expect(try mode(folder + "/a/b") == 0o700)
            let before = try mode(folder)
            try makePrivateFolder(at: folder)
            #expect(try mode(folder) == before)
        }
    }

    @Test("that can't be written or read are told with path and remedy")
    func errors() throws {
        try withFolder { folder in
            let missing = #expect(throws: FileError.self) {
                try replaceFile(at: folder + "/no/file", with: [], mode: 0o600)
            }
            #expect(missing?.errno == ENOENT)
            #expect(missing?.description.contains(folder) == true)
            let unreadable = #expect(throws: FileError.self) { try contents(ofFile: folder, limit: 1) }
            #expect(unreadable?.errno == EISDIR)
            try replaceFile(at: folder + "/file", with: [], mode: 0o600)
            #expect(throws: FileError.self) { try makePrivateFolder(at: folder + "/file/below") }
            // A file system that makes no folders.
            #expect(throws: FileError.self) { try makePrivateFolder(at: "/proc/assay/below") }
        }
    }
}
