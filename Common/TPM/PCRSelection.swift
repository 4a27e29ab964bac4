package import AssayCrypto

/// A set of PCR indices, 0 to 23.
package struct PCRSet: OptionSet, Hashable, Sendable {
    /// Bit n stands for PCR n.
    package let rawValue: UInt32

    /// Keeps the bits of PCRs 0 to 23.
    package init(rawValue: UInt32) {
        self.rawValue = rawValue & 0xff_ffff
    }

    /// The PCRs in a list; indices over 23 are left out.
    package init(_ indices: some Sequence<Int>) {
        self.init(rawValue: indices.reduce(0) { (0..<24).contains($1) ? $0 | 1 << UInt32($1) : $0 })
    }

    /// The PCRs, ascending.
    package var indices: [Int] { (0..<24).filter { rawValue & 1 << UInt32($0) != 0 } }

    /// The PCRs, ascending, neighbours drawn together: `0-7,14`.
    package var ranges: String {
        var ranges: [ClosedRange<Int>] = []
        for index in indices {
            if let last = ranges.last, last.upperBound == index - 1 {
                ranges[ranges.count - 1] = last.lowerBound...index
            } else {
                ranges.append(index...index)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }

    /// Reads PCRs as operators write them: `0-7,14`.
    package init?(ranges text: String) {
        var set = PCRSet()
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last,
                first >= 0, last < 24
            else { return nil }
            set.formUnion(PCRSet(first...last))
        }
        self = set
    }

    /// Whether a PCR is in the set.
    package func contains(_ index: Int) -> Bool { (0..<24).contains(index) && rawValue & 1 << UInt32(index) != 0 }
}

/// Which PCRs of which banks a quote covers, in the quote's order (TPML_PCR_SELECTION; TPM 2.0 Part 2, 10.9.7).
package struct PCRSelection: Hashable, Sendable, CustomStringConvertible {
    /// One bank's part (TPMS_PCR_SELECTION).
    package struct Bank: Hashable, Sendable {
        /// The bank.
        package var bank: PCRBank
        /// Its PCRs.
        package var pcrs: PCRSet

        /// A bank and PCRs of it.
        package init(_ bank: PCRBank, _ pcrs: PCRSet) {
            self.bank = bank
            self.pcrs = pcrs
        }
    }

    /// The banks, each once, none empty.
    package let banks: [Bank]

    /// Selects PCRs; banks without any are left out. A bank given twice is merged at its first place.
    package init(_ banks: [Bank]) {
        var merged: [Bank] = []
        for bank in banks where !bank.pcrs.isEmpty {
            if let index = merged.firstIndex(where: { $0.bank == bank.bank }) {
                merged[index].pcrs.formUnion(bank.pcrs)
            } else {
                merged.append(bank)
            }
        }
        self.banks = merged
    }

    /// The same PCRs in each of the banks.
    package init(banks: [PCRBank], pcrs: PCRSet) {
        self.init(banks.map { Bank($0, pcrs) })
    }

    /// Such as `sha256:0,1,10+sha1:10`.
    package var description: String {
        banks.map { "\($0.bank):" + $0.pcrs.indices.map(String.init).joined(separator: ",") }.joined(separator: "+")
    }
}

/// Values of PCRs, by bank and index.
package struct PCRValues: Hashable, Sendable {
    private var values: [PCRBank: [Int: Digest]] = [:]

    /// No values.
    package init() {}

    /// One PCR's value.
    package subscript(bank: PCRBank, index: Int) -> Digest? {
        get { values[bank]?[index] }
        set {
            values[bank, default: [:]][index] = newValue
            if values[bank]?.isEmpty == true { values[bank] = nil }
        }
    }

    /// Every value, banks ascending by identifier, PCRs ascending in each.
    package var all: [(bank: PCRBank, index: Int, value: Digest)] {
        values.keys.sorted().flatMap { bank in
            (values[bank] ?? [:]).sorted { $0.key < $1.key }.map { (bank, $0.key, $0.value) }
        }
    }

    /// The banks that have a value.
    package var banks: [PCRBank] { values.keys.sorted() }
}
