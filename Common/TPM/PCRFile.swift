import AssayCrypto
import Bytes

/// The PCR values that `tpm2_quote -o` writes, as its C structures lie in memory on a little-endian machine:
/// TPML_PCR_SELECTION (a count, 16 slots of 8 bytes), a count of lists, and each TPML_DIGEST (a count, 8 slots of 66
/// bytes).
package struct PCRFile: Hashable, Sendable {
    /// The PCRs that the file has values of; may be empty.
    package let selection: PCRSelection
    /// Their values: the host's word.
    package let values: PCRValues

    private static let slotsPerList = 8

    /// Reads a file, to its last byte.
    ///
    /// - Throws: ``QuoteError`` with `.malformed`, also for a bank whose digest size we don't know; with
    ///   `.pcrSelectionMismatch` for a bank that is named twice.
    package init(_ bytes: [UInt8]) throws(QuoteError) {
        var reader = StructureReader(bytes.span, "PCR file")
        let banks = try reader.banks()
        let digests = try reader.digests(lists: Self.slotsPerList)
        try reader.finish()
        selection = PCRSelection(banks)
        let selected = banks.flatMap { bank in bank.pcrs.indices.map { (bank.bank, $0) } }
        guard selected.count == digests.count else {
            throw QuoteError(.malformed, "PCR file: \(digests.count) values for \(selected.count) selected PCRs")
        }
        var values = PCRValues()
        for ((bank, index), digest) in zip(selected, digests) {
            guard digest.count == bank.digestSize else {
                throw QuoteError(.malformed, "PCR file: the value of \(bank):\(index) has \(digest.count) bytes")
            }
            values[bank, index] = digest
        }
        self.values = values
    }

    /// Takes plain values, one after the other, as `tpm2_quote -F values` and `tpm2_pcrread -o` write them.
    ///
    /// - Parameter selection: which PCRs they are of, in this order; the values themselves don't say.
    /// - Returns: nil if the values of these PCRs have another length.
    package init?(plainValues bytes: [UInt8], of selection: PCRSelection) {
        var rest = bytes[...]
        var values = PCRValues()
        for bank in selection.banks {
            for index in bank.pcrs.indices {
                let value = rest.prefix(bank.bank.digestSize)
                guard value.count == bank.bank.digestSize else { return nil }
                values[bank.bank, index] = Digest(Array(value))
                rest = rest.dropFirst(value.count)
            }
        }
        guard rest.isEmpty, !bytes.isEmpty else { return nil }
        self.selection = selection
        self.values = values
    }
}

extension StructureReader {
    /// TPMS_PCR_SELECTION with its padding.
    private static let slotBytes = 8

    fileprivate mutating func banks() throws(QuoteError) -> [PCRSelection.Bank] {
        let count: UInt32 = try integer(UInt32.self, .little)
        guard count <= TPMLimits.banks else { throw malformed("it selects from \(count) banks") }
        var banks: [PCRSelection.Bank] = []
        for slot in 0..<TPMLimits.banks {
            guard slot < count else {
                _ = try bytes(Self.slotBytes)
                continue
            }
            guard let bank = try bank() else { continue }
            guard !banks.contains(where: { $0.bank == bank.bank }) else {
                throw QuoteError(.pcrSelectionMismatch, "the PCR file names bank \(bank.bank) more than once")
            }
            banks.append(bank)
        }
        return banks
    }

    /// One slot. Nil if it selects nothing.
    private mutating func bank() throws(QuoteError) -> PCRSelection.Bank? {
        let algorithm = AlgorithmID(rawValue: try integer(UInt16.self, .little))
        let size: UInt8 = try integer()
        let bitmap = try bytes(TPMLimits.pcrBitmapBytes)
        _ = try bytes(1)
        guard size <= bitmap.count, let pcrs = Self.pcrs(bitmap: Array(bitmap.prefix(Int(size)))) else {
            throw malformed("bank \(algorithm) has a PCR over 23")
        }
        guard !pcrs.isEmpty else { return nil }
        guard let bank = PCRBank(rawValue: algorithm.rawValue) else {
            throw malformed("the size of bank \(algorithm)'s digests is not known")
        }
        return PCRSelection.Bank(bank, pcrs)
    }

    fileprivate mutating func digests(lists slots: Int) throws(QuoteError) -> [Digest] {
        let lists: UInt32 = try integer(UInt32.self, .little)
        // As many lists as values at most: a read of the TPM yields at least one.
        guard lists <= TPMLimits.banks * 24 else { throw malformed("it has \(lists) lists of digests") }
        var digests: [Digest] = []
        for _ in 0..<lists {
            let count = try integer(UInt32.self, .little)
            guard count <= slots else { throw malformed("a list has \(count) digests") }
            for slot in 0..<slots {
                let size = try integer(UInt16.self, .little)
                let buffer = try bytes(Digest.maximumCount)
                guard slot < count else { continue }
                guard size <= buffer.count, let digest = Digest(Array(buffer.prefix(Int(size)))) else {
                    throw malformed("a digest has \(size) bytes")
                }
                digests.append(digest)
            }
        }
        return digests
    }
}
