package import Attester
package import Files
import Foundation
import Glibc
import Synchronization
package import SystemPackage

/// A kernel's measurement files as Linux 7.2 and later shows them, modelled by plain files in a folder, for processes that
/// don't share memory: what is written to them is carried out as the kernel would. `current` and `staged` are the two
/// lists.
///
/// The kernel's lock, shared by who reads and exclusive for who writes, is flock(2) on the file `open`; it goes with the
/// process that holds it. The kernel's own mutex is flock(2) on `lists`.
package final class FolderKernel: KernelFiles {
    /// What is about to be done or was just done to the kernel's files: where a process may be killed.
    package typealias Observer = @Sendable () -> Void

    private let folder: FilePath
    private let observe: Observer
    private let descriptors = Mutex<[Int32: KernelFile]>([:])

    package init(folder: FilePath, observe: @escaping Observer = {}) {
        self.folder = folder
        self.observe = observe
    }

    private func file(_ name: String) -> String { folder.appending(name).string }

    // What the host does.

    /// The kernel measures.
    package func measure(_ records: [UInt8]) throws(Errno) {
        try excluding { () throws(Errno) in
            let descriptor = Glibc.open(file("current"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Errno(rawValue: errno) }
            defer { Glibc.close(descriptor) }
            guard Glibc.write(descriptor, records, records.count) == records.count else {
                throw Errno(rawValue: errno)
            }
        }
    }

    /// A kexec is under way, or isn't any more.
    package func suspend(_ isSuspended: Bool) {
        if isSuspended {
            Glibc.close(creat(file("suspended"), 0o600))
        } else {
            unlink(file("suspended"))
        }
    }

    /// How many bytes the kernel holds.
    package var length: Int { size("current") + size("staged") }

    // What a program sees.

    package func path(_ file: KernelFile) -> FilePath {
        folder.appending(file == .staged ? "binary_runtime_measurements_staged" : "binary_runtime_measurements")
    }

    package func exists(_ file: KernelFile) -> Bool { true }
    package var hasVendorTrimming: Bool { false }
    package var holders: [FileHolder] { [] }
    package func isReplaced(_ descriptor: Int32, _ file: KernelFile, read length: UInt64) -> Bool { false }

    package func open(_ file: KernelFile, _ access: KernelAccess) throws(Errno) -> Int32 {
        observe()
        let descriptor = Glibc.open(self.file("open"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        guard flock(descriptor, (access == .reading ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 else {
            Glibc.close(descriptor)
            throw .resourceBusy
        }
        descriptors.withLock { $0[descriptor] = file }
        return descriptor
    }

    package func read(
        _ descriptor: Int32, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        guard let list = descriptors.withLock({ $0[descriptor] }) else { throw .badFileDescriptor }
        let file = Glibc.open(self.file(list == .staged ? "staged" : "current"), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { Glibc.close(file) }
        return pread(file, buffer.baseAddress, min(buffer.count, 4096), Int(offset))
    }

    package func write(_ descriptor: Int32, _ text: String) throws(Errno) {
        guard descriptors.withLock({ $0[descriptor] }) == .staged else { throw .badFileDescriptor }
        observe()
        try excluding { () throws(Errno) in
            let isSuspended = access(file("suspended"), F_OK) == 0
            switch text {
            case "A\n":
                guard !isSuspended else { throw .permissionDenied }
                guard size("staged") == 0 else { throw .fileExists }
                guard size("current") > 0 else { throw .noSuchFileOrDirectory }
                rename(file("current"), file("staged"))
            case "D\n":
                guard !isSuspended else { throw .staleNFSFileHandle }
                guard size("staged") > 0 else { throw .noSuchFileOrDirectory }
                unlink(file("staged"))
            default: throw .invalidArgument
            }
        }
        observe()
    }

    package func close(_ descriptor: Int32) {
        descriptors.withLock { $0[descriptor] = nil }
        Glibc.close(descriptor)
        observe()
    }

    private func size(_ name: String) -> Int {
        var status = stat()
        return stat(file(name), &status) == 0 ? Int(status.st_size) : 0
    }

    private func excluding<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        let descriptor = Glibc.open(file("lists"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        defer { Glibc.close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {}
        return try body()
    }
}
