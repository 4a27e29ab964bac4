package import AssayCrypto
package import TPM
internal import IMA

/// What a log must replay to, and what else the quote tells.
package struct QuotedPCRs: Sendable {
    /// Every value that the quote proves, or that the operator gave.
    package let values: PCRValues

    /// Values that a quote proves.
    package init(_ values: PCRValues) {
        self.values = values
    }

    /// Values that a verified quote proves.
    package init(_ quote: VerifiedQuote) {
        self.init(quote.pcrValues)
    }

    /// One value that the operator gave.
    package init(_ bank: PCRBank, _ pcr: Int, _ value: Digest) {
        var values = PCRValues()
        values[bank, pcr] = value
        self.init(values)
    }

    /// PCRs 16 and 23 anyone may reset, 17 to 22 belong to dynamic launches: none of them vouches for a record.
    static let vouching: Range<UInt32> = 0..<16

    /// The values that records may lead to.
    var targets: [PCRReplay.Quoted] {
        values.all.compactMap { value in
            guard let pcr = UInt32(exactly: value.index), Self.vouching.contains(pcr) else { return nil }
            return PCRReplay.Quoted(bank: value.bank, pcr: pcr, value: value.value)
        }
    }

    /// What boot_aggregate may be, by the quoted values.
    var bootAggregates: [Digest] {
        let values = BootAggregate.values(of: values)
        return self.values.banks.flatMap { values[$0] ?? [] }
    }

    /// Whether all of it is of the SHA-1 bank, which sessions don't take unless the operator lists it.
    package var restsOnSHA1Alone: Bool { Array(values.banks) == [.sha1] }

    /// The PCRs that are quoted in some bank.
    var pcrs: PCRSet { PCRSet(values.all.map(\.index)) }
}
