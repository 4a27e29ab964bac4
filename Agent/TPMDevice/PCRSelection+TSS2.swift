internal import AssayCrypto
internal import CTSS2
internal import TPM

extension TPML_PCR_SELECTION {
    /// The selection as a TPM takes it, three bytes of bits for each bank. It holds 16 banks; we know four.
    init(_ selection: PCRSelection) {
        self.init()
        let banks = selection.banks.map { TPMS_PCR_SELECTION($0) }
        count = UInt32(banks.count)
        setElements(banks, of: &pcrSelections)
    }

    /// Every bank with its PCRs, as the TPM lists them; banks without any among them.
    var banks: [(algorithm: UInt16, pcrs: PCRSet)] {
        elements(TPMS_PCR_SELECTION.self, of: pcrSelections, count: count).map { ($0.hash, $0.pcrs) }
    }
}

extension TPMS_PCR_SELECTION {
    init(_ bank: PCRSelection.Bank) {
        self.init()
        hash = bank.bank.rawValue
        sizeofSelect = 3
        setElements((0..<3).map { UInt8(truncatingIfNeeded: bank.pcrs.rawValue >> (8 * UInt32($0))) }, of: &pcrSelect)
    }

    /// The PCRs up to 23; PCR n is bit n % 8 of byte n / 8 (TPM 2.0 Part 2, 10.6.1).
    var pcrs: PCRSet {
        let bytes = elements(UInt8.self, of: pcrSelect, count: min(UInt32(sizeofSelect), 3))
        return PCRSet(rawValue: bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }
}

extension PCRSelection {
    /// Every PCR of it, those that change least first: by index, then in the order of the banks.
    var byIndex: [(bank: PCRBank, index: Int)] {
        (0..<24).flatMap { index in
            banks.filter { $0.pcrs.contains(index) }.map { ($0.bank, index) }
        }
    }
}
