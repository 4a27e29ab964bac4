internal import COpenSSL

/// One block of a PEM file (RFC 7468).
package struct PEMBlock: Hashable, Sendable {
    /// What the block says it is, such as `CERTIFICATE`.
    package let label: String
    /// The decoded bytes.
    package let der: [UInt8]

    /// Every block of a file, in order; text around the blocks is skipped.
    ///
    /// - Throws: ``CryptoError`` with `.malformed` for a block that is broken; a file without any block is an empty
    ///   list.
    package static func all(in text: [UInt8]) throws(CryptoError) -> [PEMBlock] {
        guard let length = Int32(exactly: text.count) else { throw CryptoError(.malformed, "a PEM file over 2 GiB") }
        let source = text.withUnsafeBytes { copyToBIO($0, length) }
        guard let source else { throw CryptoError(.failed, "read a PEM file") }
        defer { BIO_free(source) }
        var blocks: [PEMBlock] = []
        while let block = next(from: source) { blocks.append(block) }
        // The end of the file is told as an error too: no further start line.
        guard isEndOfBlocks(ERR_peek_last_error()) else {
            throw CryptoError(.malformed, "read PEM block \(blocks.count + 1)")
        }
        ERR_clear_error()
        return blocks
    }

    /// A block of these bytes.
    package init(label: String, der: [UInt8]) {
        self.label = label
        self.der = der
    }

    /// The block as text, its last line ended.
    package func encoded() throws(CryptoError) -> [UInt8] {
        guard let target = BIO_new(BIO_s_mem()) else {
            throw CryptoError(.failed, "write a PEM file")
        }
        defer { BIO_free(target) }
        guard PEM_write_bio(target, label, "", der, der.count) > 0 else {
            throw CryptoError(.failed, "write a PEM file")
        }
        var text = [UInt8](repeating: 0, count: BIO_ctrl_pending(target))
        guard let length = Int32(exactly: text.count), BIO_read(target, &text, length) == length else {
            throw CryptoError(.failed, "write a PEM file")
        }
        return text
    }

    private static func copyToBIO(_ bytes: UnsafeRawBufferPointer, _ length: Int32) -> OpaquePointer? {
        guard let source = BIO_new(BIO_s_mem()) else { return nil }
        guard length == 0 || BIO_write(source, bytes.baseAddress, length) == length else {
            BIO_free(source)
            return nil
        }
        return source
    }

    private static func next(from source: OpaquePointer) -> PEMBlock? {
        var name: UnsafeMutablePointer<CChar>?
        var header: UnsafeMutablePointer<CChar>?
        var data: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard PEM_read_bio(source, &name, &header, &data, &count) == 1 else { return nil }
        defer {
            CRYPTO_free(name, #file, #line)
            CRYPTO_free(header, #file, #line)
            CRYPTO_free(data, #file, #line)
        }
        guard let name, let data else { return nil }
        return PEMBlock(
            label: String(cString: name), der: Array(UnsafeBufferPointer(start: data, count: count)))
    }

    private static func isEndOfBlocks(_ code: UInt) -> Bool {
        code == 0 || ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
    }
}
