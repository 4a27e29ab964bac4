package import AssayCrypto

/// What a TPM states in a quote (TPMS_ATTEST with TPMS_QUOTE_INFO; TPM 2.0 Part 2, 10.12.8 and 10.12.1). Nothing in it
/// may be believed before the signature over its bytes is verified.
package struct Attest: Hashable, Sendable {
    /// One bank of the selection that was signed; it may be of a hash that we don't know.
    package struct SelectedBank: Hashable, Sendable {
        /// The bank's hash.
        package let algorithm: AlgorithmID
        /// The bank's PCRs; may be empty.
        package let pcrs: PCRSet
    }

    /// The signing key's qualified name: its own and its parents'.
    package let qualifiedSigner: [UInt8]
    /// What the caller of TPM2_Quote handed in: our qualifying data.
    package let extraData: [UInt8]
    /// The epoch.
    package let clockInfo: ClockInfo
    /// The TPM's firmware version, in its vendor's own form; obfuscated like the counters.
    package let firmwareVersion: UInt64
    /// The PCRs, in the order in which ``pcrDigest`` covers them; each bank once.
    package let selection: [SelectedBank]
    /// The digest of the PCRs' values, by the hash of the signature.
    package let pcrDigest: Digest

    /// TPM_GENERATED_VALUE. A restricted key signs no outside data that begins so.
    private static let magic: UInt32 = 0xff54_4347
    /// TPM_ST_ATTEST_QUOTE.
    private static let quoteType: UInt16 = 0x8018

    /// Reads a quote, to its last byte.
    ///
    /// - Throws: ``QuoteError`` with `.badMagic`, `.notAQuote` or `.malformed`.
    package init(_ bytes: [UInt8]) throws(QuoteError) {
        var reader = StructureReader(bytes.span, "TPMS_ATTEST")
        let magic: UInt32 = try reader.integer()
        guard magic == Self.magic else {
            throw QuoteError(.badMagic, "the signed data does not begin with TPM_GENERATED_VALUE: no TPM made it")
        }
        let type: UInt16 = try reader.integer()
        guard type == Self.quoteType else {
            throw QuoteError(.notAQuote, "the structure's type is \(AlgorithmID(rawValue: type)), a quote's is 0x8018")
        }
        qualifiedSigner = try reader.sized(limit: TPMLimits.name)
        extraData = try reader.sized(limit: TPMLimits.name)
        clockInfo = try reader.clockInfo()
        firmwareVersion = try reader.integer()
        selection = try reader.selection()
        guard let digest = Digest(try reader.sized(limit: TPMLimits.digest)) else {
            throw reader.malformed("the PCR digest is too long")
        }
        pcrDigest = digest
        try reader.finish()
    }
}

extension StructureReader {
    fileprivate mutating func clockInfo() throws(QuoteError) -> ClockInfo {
        let clock: UInt64 = try integer()
        let resetCount: UInt32 = try integer()
        let restartCount: UInt32 = try integer()
        let safe: UInt8 = try integer()
        guard safe <= 1 else { throw malformed("safe is \(safe), neither yes nor no") }
        return ClockInfo(clock: clock, resetCount: resetCount, restartCount: restartCount, isSafe: safe == 1)
    }

    fileprivate mutating func selection() throws(QuoteError) -> [Attest.SelectedBank] {
        let count: UInt32 = try integer()
        guard count <= TPMLimits.banks else { throw malformed("it selects from \(count) banks") }
        var banks: [Attest.SelectedBank] = []
        for _ in 0..<count {
            let algorithm = try algorithm()
            let size: UInt8 = try integer()
            guard let pcrs = Self.pcrs(bitmap: try bytes(Int(size))) else {
                throw malformed("bank \(algorithm) has a PCR over 23")
            }
            guard !banks.contains(where: { $0.algorithm == algorithm }) else {
                let bank = PCRBank(rawValue: algorithm.rawValue)?.description ?? algorithm.description
                throw QuoteError(.pcrSelectionMismatch, "the quote names bank \(bank) more than once")
            }
            banks.append(Attest.SelectedBank(algorithm: algorithm, pcrs: pcrs))
        }
        return banks
    }
}
