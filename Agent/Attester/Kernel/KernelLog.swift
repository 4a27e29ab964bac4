import SystemPackage

/// The edge to the kernel's log: what may be open for how long, and what each refusal of the kernel means.
///
/// Without staging the file stays open: each read(2) makes the kernel walk its list from the head to the place that is
/// read, so that a whole read is quadratic, and going on after the end gives only what is new. Where the `_staged` files
/// exist nothing stays open: a reader that does blocks whoever wants to trim. Then a read at an offset makes the kernel
/// walk its list once.
package final class KernelLog {
    /// What came of a request to set the list aside.
    package enum Staging: Hashable, Sendable {
        /// The kernel's list is the staged one now.
        case staged
        /// One is there already (EEXIST).
        case alreadyStaged
        /// The list is empty (ENOENT).
        case nothingNew
        /// A kexec is under way (EACCES): the next kernel shows everything again.
        case suspended
        /// Another process has a measurement file open (EBUSY), still after some tries.
        case busy
        /// It takes CAP_SYS_ADMIN.
        case forbidden
    }

    /// What came of a request to free the staged list.
    package enum Deletion: Hashable, Sendable {
        /// It is gone.
        case deleted
        /// There was none (ENOENT).
        case nothingStaged
        /// A kexec is under way (ESTALE): the next kernel has the records already, and shows them again.
        case suspended
        /// As above.
        case busy
        /// As above.
        case forbidden
    }

    /// The kernel's files.
    package let files: any KernelFiles
    private let pause: (_ attempt: Int) -> Void
    private var open: (file: KernelFile, descriptor: Int32)?

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

    /// Reads from an offset of a file; 0 at its end.
    package func read(
        _ file: KernelFile, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(AttesterError) -> Int {
        do throws(Errno) {
            if let open, open.file == file { return try files.read(open.descriptor, at: offset, into: buffer) }
            close()
            let descriptor = try patiently(file, .reading)
            open = (file, descriptor)
            return try files.read(descriptor, at: offset, into: buffer)
        } catch {
            throw AttesterError(.logUnreadable, place: files.path(file).string, problem: "\(error)")
        }
    }

    /// Whether the open file isn't the one of its name any more. Nothing is open afterwards if so.
    package func wasReplaced(read length: UInt64) -> Bool {
        guard let open, files.isReplaced(open.descriptor, open.file, read: length) else { return false }
        close()
        return true
    }

    /// Lets go of the files, where others wait for them.
    package func rest() {
        if mayShrink { close() }
    }

    /// Sets the kernel's whole list aside.
    package func stage() throws(AttesterError) -> Staging {
        switch try request("A\n") {
        case nil: return .staged
        case .fileExists?: return .alreadyStaged
        case .noSuchFileOrDirectory?: return .nothingNew
        case .permissionDenied?: return .suspended
        case .resourceBusy?: return .busy
        case .notPermitted?: return .forbidden
        case let other?: throw unexpected(other)
        }
    }

    /// Frees the staged list: its records must be on the disk.
    package func deleteStaged() throws(AttesterError) -> Deletion {
        switch try request("D\n") {
        case nil: return .deleted
        case .noSuchFileOrDirectory?: return .nothingStaged
        case .staleNFSFileHandle?: return .suspended
        case .resourceBusy?: return .busy
        case .notPermitted?: return .forbidden
        case let other?: throw unexpected(other)
        }
    }

    private func close() {
        if let open { files.close(open.descriptor) }
        open = nil
    }

    /// Writes a request; returns the kernel's refusal.
    private func request(_ text: String) throws(AttesterError) -> Errno? {
        close()
        let descriptor: Int32
        do throws(Errno) {
            descriptor = try patiently(.staged, .writing)
        } catch {
            // No permission for the file, which the kernel would say of a write only while it is suspended.
            return error == .permissionDenied ? .notPermitted : error
        }
        defer { files.close(descriptor) }
        do throws(Errno) {
            try files.write(descriptor, text)
            return nil
        } catch {
            return error
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

    private func unexpected(_ error: Errno) -> AttesterError {
        AttesterError(.logUnreadable, place: files.path(.staged).string, problem: "\(error)")
    }
}
