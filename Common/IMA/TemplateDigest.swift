package import AssayCrypto

extension RecordLayout {
    /// The template digest of a bank, made from the template data as it stands: whatever the template is.
    ///
    /// The template `ima` is the exception: its digest and its name without the length word, the name with zeros to 256
    /// bytes. Source: Linux, security/integrity/ima/ima_crypto.c, `ima_calc_field_array_hash_tfm`.
    /// - Complexity: no allocation.
    package func templateDigest(_ bank: PCRBank, in bytes: Span<UInt8>) -> Digest {
        isLegacy
            ? legacyDigest(bank, in: bytes.extracting(templateData)) : bank.digest(of: bytes.extracting(templateData))
    }

    /// - Parameter data: 20 bytes of digest, 4 of length, and a name within ``LogLimits/legacyNameBytes``.
    private func legacyDigest(_ bank: PCRBank, in data: Span<UInt8>) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: 20 + 256, alignment: 1) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            for index in 0..<20 { buffer[index] = data[index] }
            for index in 24..<data.count { buffer[index - 4] = data[index] }
            return bank.digest(of: UnsafeRawBufferPointer(buffer))
        }
    }
}
