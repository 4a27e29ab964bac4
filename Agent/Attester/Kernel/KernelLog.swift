import Files
package import SystemPackage

/// The edge to the kernel's log: what may be open for how long, and what each refusal of the kernel means.
///
/// Without staging the file stays open: each read(2) makes the kernel walk its list from the head to the place that is
/// read, so that a whole read is quadratic, and going on after the end gives only what is new. Where the `_staged` files
/// exist nothing stays open between two readings: a reader that does blocks whoever wants to trim. Within one both files
/// do, so that nobody can set records aside or free them between the two.
package final class KernelLog {
    /// Why the kernel didn't do what it was asked for.
    package enum Refusal: Error, Hashable, Sendable {
        /// A kexec is under way (EACCES, ESTALE): the next kernel shows again what was to be freed.
        case suspended
        /// Another process has a measurement file open (EBUSY), still after some tries.
        case busy
        /// It takes CAP_SYS_ADMIN, and permission for the file.
        case forbidden
        /// This process sees securityfs read-only (EROFS).
        case readOnly
        /// What no kernel is known to say.
        case other(Errno)
    }

    /// What came of a request to set the list aside.
    package enum Staging: Hashable, Sendable {
        /// The kernel's list is the staged one now.
        case staged
        /// One is there already (EEXIST).
        case alreadyStaged
        /// The list is empty (ENOENT).
        case nothingNew
        case refused(Refusal)
    }

    /// What came of a request to free the staged list.
    package enum Deletion: Hashable, Sendable {
        /// It is gone.
        case deleted
        /// There was none (ENOENT).
        case nothingStaged
        case refused(Refusal)

        /// Whether nothing is staged any more.
        var isDone: Bool { if case .refused = self { false } else { true } }
    }

    /// The kernel's files.
    package let files: any KernelFiles
    private let pause: (_ attempt: Int) -> Void
    private var readers: [KernelFile: Int32] = [:]

    /// How often a file that is busy is tried.
    private static let attempts = 6

    /// - Parameter pause: waits before a busy file is tried again; `attempt` counts from 1.
    package init(files: any KernelFiles, pause: @escaping (_ attempt: Int) -> Void) {
        self.files = files
        self.pause = pause
    }

    deinit { close() }

    /// Whether this kernel can give its memory back.
    package var isStaging: Bool { files.exists(.staged) }

    /// Whether records may vanish from the list while the kernel runs: then no file stays open, and each reading looks
    /// where the list stands.
    package var mayShrink: Bool { isStaging || files.hasVendorTrimming }

    /// Reads from an offset of a file; 0 at its end. The file stays open.
    ///
    /// - Throws: `.logBusy` if another process writes, or keeps a file open for writing; else `.logUnreadable`.
    package func read(
        _ file: KernelFile, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(AttesterError) -> Int {
        do throws(Errno) {
            if let descriptor = readers[file] { return try files.read(descriptor, at: offset, into: buffer) }
            let descriptor = try patiently(file, .reading)
            readers[file] = descriptor
            return try files.read(descriptor, at: offset, into: buffer)
        } catch {
            let place = files.path(file).string
            guard error == .resourceBusy else { throw AttesterError(.logUnreadable, place: place, problem: "\(error)") }
            throw AttesterError(
                .logBusy, place: place,
                problem: "can't be read as long as another process has a measurement file open for writing"
                    + files.holders.words)
        }
    }

    /// Whether the open file isn't the one of its name any more. Nothing is open afterwards if so.
    package func wasReplaced(read length: UInt64) -> Bool {
        guard let descriptor = readers[.measurements], files.isReplaced(descriptor, .measurements, read: length)
        else { return false }
        close()
        return true
    }

    /// Lets go of the files, where others wait for them.
    package func rest() {
        if mayShrink { close() }
    }

    /// Sets the kernel's whole list aside.
    package func stage() -> Staging {
        switch openForRequests() {
        case .failure(let refusal): return .refused(refusal)
        case .success(let descriptor):
            defer { files.close(descriptor) }
            return switch request("A\n", descriptor) {
            case nil: .staged
            case .fileExists?: .alreadyStaged
            case .noSuchFileOrDirectory?: .nothingNew
            case let error?: .refused(Self.refusal(error))
            }
        }
    }

    /// Frees the staged list, whose records must be on the disk.
    ///
    /// - Parameter body: carries the request out, once; nobody else reads or writes a measurement file meanwhile.
    /// - Returns: why `body` wasn't called, or nil.
    package func freeing<Failure: Error>(
        _ body: (_ delete: () -> Deletion) throws(Failure) -> Void
    ) throws(Failure) -> Refusal? {
        switch openForRequests() {
        case .failure(let refusal): return refusal
        case .success(let descriptor):
            defer { files.close(descriptor) }
            try body {
                switch request("D\n", descriptor) {
                case nil: .deleted
                case .noSuchFileOrDirectory?: .nothingStaged
                case let error?: .refused(Self.refusal(error))
                }
            }
            return nil
        }
    }

    private func close() {
        for descriptor in readers.values { files.close(descriptor) }
        readers = [:]
    }

    private func openForRequests() -> Result<Int32, Refusal> {
        close()
        do throws(Errno) {
            return .success(try patiently(.staged, .writing))
        } catch {
            // No permission for the file: of a write the kernel says the same when it is suspended.
            return .failure(error == .permissionDenied ? .forbidden : Self.refusal(error))
        }
    }

    /// Writes a request; returns the kernel's refusal.
    private func request(_ text: String, _ descriptor: Int32) -> Errno? {
        do throws(Errno) {
            try files.write(descriptor, text)
            return nil
        } catch {
            return error
        }
    }

    private static func refusal(_ error: Errno) -> Refusal {
        switch error {
        case .permissionDenied, .staleNFSFileHandle: .suspended
        case .resourceBusy: .busy
        case .notPermitted: .forbidden
        case .readOnlyFileSystem: .readOnly
        default: .other(error)
        }
    }

    private func patiently(_ file: KernelFile, _ access: KernelAccess) throws(Errno) -> Int32 {
        for attempt in 1..<Self.attempts {
            do throws(Errno) {
                return try files.open(file, access)
            } catch {
                guard error == .resourceBusy else { throw error }
                pause(attempt)
            }
        }
        return try files.open(file, access)
    }
}
