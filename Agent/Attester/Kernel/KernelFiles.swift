package import Files
package import SystemPackage

/// The measurement files that a kernel shows, as far as the agent uses them.
package enum KernelFile: Hashable, Sendable {
    /// `binary_runtime_measurements`: what the kernel holds and nobody has staged.
    case measurements
    /// `binary_runtime_measurements_staged` (Linux 7.2 and later, with CONFIG_IMA_STAGING): what was set aside to be
    /// freed.
    case staged
}

/// What a measurement file is opened for. One opened for reading keeps out who wants to write, and the other way round
/// (Linux, ima_fs.c, `ima_measure_lock`).
package enum KernelAccess: Hashable, Sendable {
    case reading
    case writing
}

/// The kernel's files, one system call each: what a test puts a model in place of.
package protocol KernelFiles: Sendable {
    /// Where a file is, to be named in errors.
    func path(_ file: KernelFile) -> FilePath
    /// Whether there is such a file.
    func exists(_ file: KernelFile) -> Bool
    /// Whether the kernel has another interface by which a program can make it drop records: a vendor's.
    var hasVendorTrimming: Bool { get }
    /// open(2); returns a descriptor.
    func open(_ file: KernelFile, _ access: KernelAccess) throws(Errno) -> Int32
    /// pread(2); 0 at the end. securityfs gives a page at most.
    func read(_ descriptor: Int32, at offset: UInt64, into: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
    /// write(2), once: a request is one call.
    func write(_ descriptor: Int32, _ text: String) throws(Errno)
    /// close(2).
    func close(_ descriptor: Int32)
    /// The other processes that have a measurement file open, as far as this one can see.
    var holders: [FileHolder] { get }
    /// Whether the file of that name isn't the open one any more, or has become shorter than what was read of it.
    func isReplaced(_ descriptor: Int32, _ file: KernelFile, read length: UInt64) -> Bool
}
