package import SystemPackage

/// What is about to be done to a file, for whoever wants to see it.
package enum FileEvent: Hashable, Sendable {
    /// It is opened for reading: what a kernel's policy may measure.
    case read(FilePath)
    /// It is opened for writing.
    case write(FilePath)
    /// What was written goes to the disk.
    case synchronize(FilePath)
    /// It gets another name.
    case rename(FilePath, to: FilePath)
    /// It goes.
    case remove(FilePath)
}

/// Sees every file event before it happens. A test kills the process there.
package typealias FileObserver = @Sendable (FileEvent) -> Void
