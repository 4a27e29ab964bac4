import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Shards

@Suite("Shards belong to") struct ShardPermissionsTests {
    /// A group that isn't this process's, if it may give files to one.
    private static let otherGroup: UInt32 = geteuid() == 0 ? 64312 : getgid()

    private struct Ownership: Hashable {
        var owner = geteuid()
        let group: UInt32
        let mode: UInt32
    }

    private func ownership(_ path: FilePath) throws -> Ownership {
        var status = stat()
        guard lstat(path.string, &status) == 0 else { throw Errno(rawValue: errno) }
        return Ownership(owner: status.st_uid, group: status.st_gid, mode: status.st_mode & 0o7777)
    }

    /// Of index and shards.
    private func files(_ root: ShardRoot) throws -> Set<Ownership> {
        Set(try root.names().map { try ownership(root.epoch.appending($0)) })
    }

    @Test("their writer and a group, unless everybody may read them", arguments: [false, true])
    func readers(isWorldReadable: Bool) throws {
        try ShardRoot.run { root in
            let mask = umask(0o077)
            defer { umask(mask) }
            let group = Self.otherGroup
            var writer = root.writer(
                options: .init(permissions: .init(group: group, isWorldReadable: isWorldReadable)))
            try writer.store(sampleLog(3).bytes, first: 0)
            let folder = Ownership(group: group, mode: isWorldReadable ? 0o755 : 0o750)
            #expect(try ownership(root.path) == folder && ownership(root.epoch) == folder)
            #expect(try files(root) == [Ownership(group: group, mode: isWorldReadable ? 0o644 : 0o640)])
        }
    }

    @Test("whom the configuration says now: a writer that was told otherwise before left them to others")
    func change() throws {
        try ShardRoot.run { root in
            let log = sampleLog(14_000)
            var writer = root.writer()
            try writer.store(log.bytes, first: 0)
            #expect(try root.names().count > 3)
            #expect(try files(root) == [Ownership(group: getgid(), mode: 0o640)])
            let group = Self.otherGroup
            // Everybody: also by what is already there.
            writer = root.writer(options: .init(permissions: .init(group: group, isWorldReadable: true)))
            #expect(try writer.open() == [])
            let open = Ownership(group: group, mode: 0o755)
            #expect(try ownership(root.path) == open && ownership(root.epoch) == open)
            #expect(try files(root) == [Ownership(group: group, mode: 0o644)])
            // The group alone. The folder of all boots, where others may have files, is closed to nobody.
            writer = root.writer(options: .init(permissions: .init(group: group)))
            #expect(try writer.open() == [])
            #expect(try ownership(root.path) == open)
            #expect(try ownership(root.epoch) == Ownership(group: group, mode: 0o750))
            #expect(try files(root) == [Ownership(group: group, mode: 0o640)])
            var reader = try root.reader()
            #expect(try reader.all() == log.bytes)
        }
    }

    @Test(
        "whom the folder of all boots belongs to, if it is root that writes",
        .enabled(if: geteuid() == 0, "only root can give files to another user"))
    func root() throws {
        try ShardRoot.run { root in
            // As the package makes it for the agent's user.
            try FileManager.default.createDirectory(at: root.url, withIntermediateDirectories: false)
            #expect(chown(root.path.string, 64311, 64312) == 0)
            #expect(chmod(root.path.string, 0o750) == 0)
            let log = sampleLog(20)
            let (head, tail) = try split(log.bytes, at: 10)
            let agents = Ownership(owner: 64311, group: 64312, mode: 0o640)
            var writer = root.writer()
            try writer.store(head, first: 0)
            #expect(try ownership(root.path) == Ownership(owner: 64311, group: 64312, mode: 0o750))
            #expect(try ownership(root.epoch) == Ownership(owner: 64311, group: 64312, mode: 0o750))
            #expect(try files(root) == [agents])
            // And what root once kept for itself.
            for name in try root.names() { #expect(chown(root.epoch.appending(name).string, 0, 0) == 0) }
            writer = root.writer()
            try writer.store(tail, first: 10)
            #expect(try files(root) == [agents])
        }
    }

    @Test(
        "nobody else: a link in the folder leads no writer to a file elsewhere", arguments: [true, false],
        [true, false])
    func link(isOfShard: Bool, isSymbolic: Bool) throws {
        try ShardRoot.run { root in
            let (head, tail) = try split(sampleLog(20).bytes, at: 10)
            var writer = root.writer()
            try writer.store(head, first: 0)
            let target = root.url.appending(path: "elsewhere")
            try Data("kept".utf8).write(to: target)
            #expect(chmod(target.path, 0o604) == 0)
            let before = try ownership(FilePath(target.path))
            let link = root.file(isOfShard ? ShardName(first: 0, count: 20).temporary : ShardReader.indexName)
            try? FileManager.default.removeItem(at: link)
            if isSymbolic {
                try FileManager.default.createSymbolicLink(at: link, withDestinationURL: target)
            } else {
                try FileManager.default.linkItem(at: target, to: link)
            }
            // Whoever begins anew would give the files away first. A symbolic link is an error that names it; what only has
            // another name elsewhere is left there, and a new file is written.
            var another = root.writer()
            if isSymbolic {
                #expect(throws: ShardError.self) { try another.store(tail, first: 10) }
            } else {
                try another.store(tail, first: 10)
            }
            #expect(try Data(contentsOf: target) == Data("kept".utf8))
            #expect(try ownership(FilePath(target.path)) == before)
        }
    }
}
