internal import Glibc

/// The file that keeps an attestation key over restarts.
package struct AttestationKeyFile: Hashable, Sendable {
    /// Where it is.
    package let path: String

    /// Names a file, which need not exist yet.
    package init(path: String) {
        self.path = path
    }

    /// The key in the file; nil if there is no file.
    package func read() throws(TPMDeviceError) -> AttestationKeyBlob? {
        let attempt = "reading \(path)"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw TPMDeviceError(.file(errno: errno), in: attempt) }
            return nil
        }
        defer { close(descriptor) }
        // One byte over the limit tells that a file is too long, and the key's own format refuses it then.
        var bytes = [UInt8](repeating: 0, count: AttestationKeyBlob.encodedLimit + 1)
        var count = 0
        while count < bytes.count {
            let more = bytes[count...].withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if more == 0 { break }
            guard more > 0 else {
                guard errno == EINTR else { throw TPMDeviceError(.file(errno: errno), in: attempt) }
                continue
            }
            count += more
        }
        do {
            return try AttestationKeyBlob(encoded: Array(bytes.prefix(count)))
        } catch {
            throw TPMDeviceError(error.code, in: attempt)
        }
    }

    /// Replaces the file: whoever reads it, and whatever fails, finds the old key or the new one, whole.
    ///
    /// Only the owner can read it (mode 0600).
    package func write(_ key: AttestationKeyBlob) throws(TPMDeviceError) {
        var template = Array("\(path).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try require(descriptor >= 0, "creating a file beside \(path)")
        do throws(TPMDeviceError) {
            defer { close(descriptor) }
            try writeAll(key.encoded, to: descriptor)
            try require(fsync(descriptor) == 0, "flushing \(path)")
            try require(rename(template, path) == 0, "renaming to \(path)")
        } catch {
            unlink(template)
            throw error
        }
        try flushFolder()
    }

    private func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(TPMDeviceError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            try require(count > 0, "writing \(path)")
            rest = rest.dropFirst(count)
        }
    }

    /// Makes the new name itself survive a power cut.
    private func flushFolder() throws(TPMDeviceError) {
        let end = path.lastIndex(of: "/")
        let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try require(descriptor >= 0, "opening \(folder)")
        defer { close(descriptor) }
        try require(fsync(descriptor) == 0, "flushing \(folder)")
    }

    private func require(_ succeeded: Bool, _ attempt: String) throws(TPMDeviceError) {
        let number = errno
        guard succeeded else { throw TPMDeviceError(.file(errno: number), in: attempt) }
    }
}
