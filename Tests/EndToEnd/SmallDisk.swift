import Foundation
import Glibc
import Synchronization
import TestSupport

/// A file system of a few hundred KiB that a test fills and empties.
///
/// It is in memory, and mounted in a namespace that a process of its own holds, so that no test needs root, no other
/// process sees it but by `path`, and nothing is left of it.
final class SmallDisk: Sendable {
    /// Its root folder.
    let path: String
    private let holder: Mutex<ChildProcess>
    private var filler: String { path + "/filler" }

    init(kibibytes: Int) async throws {
        let namespaces = geteuid() == 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"]
        let script = "mount -t tmpfs -o size=\(kibibytes)k,mode=0700 tmpfs /mnt && exec sleep 3600"
        let process = try ChildProcess("unshare", namespaces + ["sh", "-c", script])
        path = "/proc/\(process.id)/root/mnt"
        holder = Mutex(process)
        try await until("a file system in a namespace; unshare(1) and mount(8) must be allowed to make one") {
            (try? size().total) == UInt64(kibibytes) << 10
        }
    }

    deinit { holder.withLock { $0.end(SIGKILL) } }

    /// Takes the right to write to it from everybody.
    func mountReadOnly() async throws {
        let user = geteuid() == 0 ? [] : ["--user", "--preserve-credentials"]
        let holder = holder.withLock { $0.id }
        var command = try ChildProcess(
            "nsenter", ["--target", "\(holder)", "--mount"] + user + ["mount", "-o", "remount,ro", "/mnt"])
        let end = ContinuousClock.now + .seconds(60)
        while command.isRunning, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(20)) }
        guard command.exitCode == 0 else { throw Unexpected("mount: \(command.exitCode as Any)") }
    }

    /// Leaves room for so many bytes, in whole blocks.
    func fill(leaving free: UInt64 = 0) throws {
        try makeRoom()
        let size = try size().free
        try Data(count: Int(size - min(free, size))).write(to: URL(filePath: filler))
    }

    /// Takes away what filled it.
    func makeRoom() throws {
        if FileManager.default.fileExists(atPath: filler) { try FileManager.default.removeItem(atPath: filler) }
    }

    /// Makes a folder on it, and a link to that folder.
    func folder(_ name: String, linkedAs link: String) throws {
        try FileManager.default.createDirectory(
            atPath: path + "/" + name, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path + "/" + name)
    }

    private func size() throws -> (total: UInt64, free: UInt64) {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw Unexpected("statvfs \(path): \(errno)") }
        let block = UInt64(status.f_frsize)
        return (UInt64(status.f_blocks) * block, UInt64(status.f_bavail) * block)
    }
}
