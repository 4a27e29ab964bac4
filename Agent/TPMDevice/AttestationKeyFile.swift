internal import Files

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
        let found: [UInt8]?
        do throws(FileError) {
            // A file that is too long comes one byte longer than a key, and the key's own format refuses it.
            found = try contents(ofFile: path, limit: AttestationKeyBlob.encodedLimit)
        } catch {
            throw TPMDeviceError(.file(errno: error.errno), in: error.attempt)
        }
        guard let found else { return nil }
        do {
            return try AttestationKeyBlob(encoded: found)
        } catch {
            throw TPMDeviceError(error.code, in: "reading \(path)")
        }
    }

    /// Replaces the file: whoever reads it, and whatever fails, finds the old key or the new one, whole.
    ///
    /// Only the owner of its folder can read it (mode 0600).
    package func write(_ key: AttestationKeyBlob) throws(TPMDeviceError) {
        do throws(FileError) {
            try replaceFile(at: path, with: key.encoded, mode: 0o600)
        } catch {
            throw TPMDeviceError(.file(errno: error.errno), in: error.attempt)
        }
    }
}
