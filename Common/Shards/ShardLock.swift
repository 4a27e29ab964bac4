import Glibc
package import SystemPackage

/// The lock between those that write shards and those that read them: flock(2) on the shards' folder itself, shared for
/// readers, exclusive for a writer. It is held until this value goes.
///
/// A shard never changes, and only the newest is ever replaced: so a reader needs the lock while it reads the index and
/// opens the newest shard, not while it reads the others.
package struct ShardLock: ~Copyable {
    /// Who holds it beside others.
    package enum Kind: Sendable {
        /// Any number of readers.
        case shared
        /// One writer and nobody else.
        case exclusive
    }

    private let descriptor: FileDescriptor

    /// Waits for the lock.
    ///
    /// - Parameter patience: how long to wait, in seconds.
    /// - Throws: `.locked` after that; `.inaccessible` without a folder.
    package init(_ root: FilePath, _ kind: Kind, patience: Double = 30) throws(ShardError) {
        let end = ContinuousClock.now + .seconds(patience)
        while true {
            let descriptor: FileDescriptor
            do {
                descriptor = try FileDescriptor.open(root, .readOnly, options: [.directory, .closeOnExec])
            } catch {
                throw ShardError(.inaccessible, path: root.string, problem: "can't be opened: \(error)")
            }
            let failure = Self.wait(descriptor, kind, until: end)
            // Who waited for a folder that was removed meanwhile has locked nothing that others see.
            if failure == nil, Self.isNamed(root, descriptor) {
                self.descriptor = descriptor
                return
            }
            try? descriptor.close()
            guard let failure else { continue }
            let isTaken = failure == .wouldBlock
            let problem = isTaken ? "has been locked for \(patience) s" : "can't be locked: \(failure)"
            throw ShardError(isTaken ? .locked : .inaccessible, path: root.string, problem: problem)
        }
    }

    /// Whether the folder of that name is the open one.
    private static func isNamed(_ root: FilePath, _ descriptor: FileDescriptor) -> Bool {
        var held = stat()
        var named = stat()
        guard fstat(descriptor.rawValue, &held) == 0, stat(root.string, &named) == 0 else { return false }
        return held.st_dev == named.st_dev && held.st_ino == named.st_ino
    }

    /// Why the lock isn't held, or nil if it is.
    private static func wait(
        _ descriptor: FileDescriptor, _ kind: Kind, until end: ContinuousClock.Instant
    ) -> Errno? {
        let operation = (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB
        while flock(descriptor.rawValue, operation) != 0 {
            let failure = Errno(rawValue: errno)
            guard failure == .wouldBlock || failure == .interrupted, ContinuousClock.now < end else { return failure }
            usleep(5000)
        }
        return nil
    }

    deinit {
        try? descriptor.close()
    }
}
