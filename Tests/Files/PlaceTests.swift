import Files
import Foundation
import Glibc
import Testing

/// A folder of a service account's, in which its owner has put what root must not follow. Only root can make one.
@Suite(
    "Root in another user's folder",
    .enabled(if: geteuid() == 0, "only root can give a folder to another user, and only root is led astray"))
struct PlaceTests {
    private static let service: uid_t = 64_311

    private let root: String
    /// The service's.
    private var folder: String { root + "/service" }
    /// Root's own, with the one file `secret`.
    private var other: String { root + "/other" }

    private init() throws {
        root = FileManager.default.temporaryDirectory.appending(path: "assay-place-\(UUID().uuidString)").path
        for path in [root, root + "/service", root + "/other"] { mkdir(path, 0o755) }
        try Data("secret".utf8).write(to: URL(filePath: root + "/other/secret"))
        chmod(root + "/other/secret", 0o600)
        chown(root + "/service", Self.service, Self.service)
    }

    private func run(_ body: () throws -> Void) rethrows {
        defer { try? FileManager.default.removeItem(atPath: root) }
        try body()
    }

    private func link(_ name: String, to target: String, owner: uid_t = service) {
        symlink(target, folder + "/" + name)
        lchown(folder + "/" + name, owner, owner)
    }

    private func owner(_ path: String) -> uid_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_uid : nil
    }

    private func expect(_ number: Int32, _ body: () throws -> Void) {
        #expect(throws: FileError.self) { try body() }
        do { try body() } catch { #expect((error as? FileError)?.errno == number, "\(error)") }
    }

    @Test("reads through its own links, and through no other's") func reading() throws {
        try run { () throws in
            link("theirs", to: other + "/secret")
            link("ours", to: "../other/secret", owner: 0)
            link("way", to: other)
            link("chain", to: folder + "/theirs", owner: 0)
            link("circle", to: "circle", owner: 0)
            #expect(try contents(ofFile: folder + "/ours", limit: 10) == Array("secret".utf8))
            for name in ["theirs", "way/secret", "chain", "circle"] {
                expect(ELOOP) { _ = try contents(ofFile: folder + "/" + name, limit: 10) }
            }
            let error = #expect(throws: FileError.self) {
                _ = try requiredContents(ofFile: folder + "/theirs", limit: 9)
            }
            #expect(error?.description.contains("symbolic link") == true)
            #expect(try contents(ofFile: folder + "/none", limit: 10) == nil)
        }
    }

    @Test("writes beside a link, never through one, and gives away nothing that was there") func writing() throws {
        try run { () throws in
            link("file", to: other + "/secret")
            link("way", to: other)
            try replaceFile(at: folder + "/file", with: [1], mode: 0o600)
            #expect(try contents(ofFile: folder + "/file", limit: 10) == [1])
            #expect(owner(folder + "/file") == Self.service)
            expect(ELOOP) { try replaceFile(at: folder + "/way/new", with: [1], mode: 0o600) }
            expect(ELOOP) { try makePrivateFolder(at: folder + "/way/new") }
            expect(ELOOP) { try makeFolder(ofFile: folder + "/way/new/file") }
            link("given", to: other + "/secret")
            expect(ELOOP) { try writeFile(at: folder + "/given", with: [1]) }
            // What is there already stays whose it is, whatever it is.
            #expect(Glibc.link(other + "/secret", folder + "/hard") == 0)
            for name in ["given", "hard", "way"] { try makePrivateFolder(at: folder + "/" + name) }
            removeFile(at: folder + "/way/secret")
            #expect(try FileManager.default.contentsOfDirectory(atPath: other) == ["secret"])
            #expect(try contents(ofFile: other + "/secret", limit: 10) == Array("secret".utf8))
            #expect(owner(other + "/secret") == 0 && owner(other) == 0)
            try makePrivateFolder(at: folder + "/a/b")
            #expect(owner(folder + "/a/b") == Self.service)
        }
    }

    @Test("has the owner's rights where files are opened by their names, and its own again afterwards")
    func rights() throws {
        try run { () throws in
            link("theirs", to: other + "/secret")
            try withRights(ofOwnerOf: folder, refusal: { $0 }) { () throws(FileError) in
                #expect(open(folder + "/theirs", O_RDWR) == -1 && errno == EACCES)
                // Within it, too: the rights that were come back, not root's.
                try withRights(ofOwnerOf: folder, refusal: { $0 }) { () throws(FileError) in }
                #expect(open(folder + "/theirs", O_RDWR) == -1 && errno == EACCES)
                close(open(folder + "/new", O_WRONLY | O_CREAT, 0o600))
            }
            #expect(owner(folder + "/new") == Self.service)
            let descriptor = open(other + "/secret", O_RDWR)
            #expect(descriptor >= 0)
            close(descriptor)
            link("way", to: other)
            expect(ELOOP) { try withRights(ofOwnerOf: folder + "/way", refusal: { $0 }) { () throws(FileError) in } }
        }
    }
}

@Suite("Where a path leads") struct PathTests {
    @Test("what the kernel links is written to: a pipe by its descriptor") func kernelLinks() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        try writeFile(at: "/proc/self/fd/\(ends[1])", with: [1, 2, 3])
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(read(ends[0], &bytes, 8) == 3)
        #expect(try contents(ofFile: "/dev/null", limit: 8) == [])
        let name = try #require(String(bytes: requiredContents(ofFile: "/proc/self/comm", limit: 64), encoding: .utf8))
        #expect(!name.isEmpty)
    }

    @Test("relative paths, dots and doubled slashes are as ever") func forms() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-path-\(UUID().uuidString)").path
        try makePrivateFolder(at: folder + "/a/")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try replaceFile(at: folder + "//a/./../a/file", with: [7], mode: 0o644)
        #expect(try contents(ofFile: folder + "/a/file", limit: 1) == [7])
        symlink("a", folder + "/b")
        #expect(try contents(ofFile: folder + "/b/file", limit: 1) == [7])
        for path in ["", "/", folder] {
            #expect(throws: FileError.self) { try replaceFile(at: path, with: [1], mode: 0o600) }
        }
    }
}

@Suite("A private key's file") struct KeyExposureTests {
    @Test(
        "is for its owner alone",
        arguments: [
            (0o600, nil), (0o400, nil), (0o700, nil), (0o640, "its group"), (0o620, "its group"),
            (0o644, "everybody"), (0o604, "everybody"), (0o602, "everybody"),
        ] as [(Int, String?)])
    func modes(mode: Int, readers: String?) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "assay-key-\(UUID().uuidString)").path
        try replaceFile(at: path, with: [1], mode: UInt32(mode))
        defer { removeFile(at: path) }
        let exposure = KeyExposure(ofKeyFile: path)
        #expect((exposure == nil) == (readers == nil))
        if let readers {
            #expect(
                exposure?.problem
                    == "the private key in \(path) is open to \(readers) (mode 0\(String(mode, radix: 8)))")
        }
        #expect(KeyExposure(ofKeyFile: path + "-none") == nil)
    }
}
