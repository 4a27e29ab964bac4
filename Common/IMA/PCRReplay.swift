package import AssayCrypto

/// Replays records into the PCRs that a quote covers, in each of its banks, and tells when all of them meet the quote.
///
/// For each PCR of each bank it keeps one running value for every form that the kernel may extend the bank with
/// (``PaddingForms``), and one only for forms that have not differed yet. Several PCRs of a bank must agree on the form.
package struct PCRReplay: Sendable {
    /// A running value.
    package struct Lane: Hashable, Sendable {
        /// The bank.
        package let bank: PCRBank
        /// The PCR's index.
        package let pcr: UInt32
        /// The forms for which this is the value.
        package var forms: PaddingForms
        /// The value after the records replayed so far.
        package var value: Digest

        /// A value to go on from.
        package init(bank: PCRBank, pcr: UInt32, forms: PaddingForms, value: Digest) {
            self.bank = bank
            self.pcr = pcr
            self.forms = forms
            self.value = value
        }
    }

    /// A PCR's value in a quote.
    package struct Quoted: Hashable, Sendable {
        /// The bank.
        package let bank: PCRBank
        /// The PCR's index.
        package let pcr: UInt32
        /// What the quote proves.
        package let value: Digest

        /// A value that a quote proves.
        package init(bank: PCRBank, pcr: UInt32, value: Digest) {
            self.bank = bank
            self.pcr = pcr
            self.value = value
        }
    }

    /// What one record did.
    package struct Step: Hashable, Sendable {
        /// Whether the digest column is the template data's digest; true for a violation, where it cannot be.
        package let columnMatches: Bool
        /// Whether the digest column marks a violation.
        package let isViolation: Bool
        /// Whether the record's PCR is one that is replayed; nothing vouches for a record whose PCR is not.
        package let isCovered: Bool
    }

    /// A lane and the value that it is to meet; nil without a quote.
    struct Track {
        var lane: Lane
        let target: Digest?

        var isMatched: Bool {
            guard let target else { return false }
            return lane.value == target
        }

        mutating func extend(_ record: RecordLayout, _ digest: Digest?, _ bytes: Span<UInt8>) {
            let bank = lane.bank
            guard let digest else {
                bank.extend(&lane.value, with: lane.forms.violation(bank))
                return
            }
            let hash = lane.forms == .own ? bank : .sha1
            // A bank is known by its digests' size.
            let ofRecord = digest.count == hash.digestSize ? digest : record.templateDigest(hash, in: bytes)
            bank.extend(&lane.value, with: ofRecord.padded(to: bank.digestSize))
        }

        /// Splits off the forms that a record tells apart from the others; nil if it tells none apart.
        mutating func part(_ isViolation: Bool) -> Lane? {
            let together: PaddingForms = isViolation ? [.own, .padded] : .own
            let others = lane.forms.subtracting(together)
            guard !others.isEmpty, others != lane.forms else { return nil }
            var parted = lane
            parted.forms = others
            lane.forms.formIntersection(together)
            return parted
        }
    }

    var tracks: [Track] = []
    let quoted: [Quoted]
    /// Whether all PCRs that are replayed have the quoted values, in every bank, after the records so far.
    package private(set) var isMatched = false

    /// Replays towards a quote.
    ///
    /// - Parameters:
    ///   - quoted: what the quote proves. A PCR of it that is not in `pcrs` is replayed once a record names it, and not
    ///     before: a host's firmware may use it for its own ends.
    ///   - pcrs: the PCRs that the kernel is known to use.
    ///   - resuming: where an earlier replay of this boot epoch stood; without any, all PCRs stand as after a reset.
    package init(towards quoted: [Quoted], pcrs: [UInt32], resuming: [Lane] = []) {
        self.quoted = quoted
        for lane in resuming { append(lane) }
        for pcr in pcrs { _ = cover(pcr) }
        isMatched = evaluate()
    }

    /// Replays without a quote, to learn the values.
    package init(banks: [PCRBank], pcrs: [UInt32]) {
        quoted = []
        for bank in banks {
            for pcr in pcrs where !tracks.contains(where: { $0.lane.bank == bank && $0.lane.pcr == pcr }) {
                append(Lane(bank: bank, pcr: pcr, forms: .possible(for: bank), value: bank.resetValue(ofPCR: pcr)))
            }
        }
    }

    /// The running values.
    package var lanes: [Lane] { tracks.map(\.lane) }

    /// Extends the PCR that a record names, in each bank that has it.
    ///
    /// - Complexity: a hash of the template data for each bank, a hash of two digests for each lane; no allocation, but
    ///   for the first record and the first violation, when forms part.
    package mutating func extend(_ record: RecordLayout, in bytes: Span<UInt8>) -> Step {
        extend(record, record.isViolation ? nil : record.templateDigest(record.column, in: bytes), in: bytes)
    }

    /// The same with the record's template digest of its column's hash, which the caller has made; nil for a violation.
    package mutating func extend(_ record: RecordLayout, _ digest: Digest?, in bytes: Span<UInt8>) -> Step {
        let isCovered = cover(record.pcr)
        guard let digest, !record.isViolation else {
            if isCovered { advance(record, nil, bytes) }
            return Step(columnMatches: true, isViolation: true, isCovered: isCovered)
        }
        if isCovered { advance(record, digest, bytes) }
        let columnMatches = digest.equals(bytes.extracting(record.templateDigest))
        return Step(columnMatches: columnMatches, isViolation: false, isCovered: isCovered)
    }

    /// Counts a PCR among those that must match, because a record names it, be it one behind the match.
    ///
    /// ``isMatched`` is up to date afterwards.
    /// - Returns: whether it is replayed; false if the quote does not have it.
    package mutating func require(_ pcr: UInt32) -> Bool {
        let isCovered = cover(pcr)
        isMatched = evaluate()
        return isCovered
    }

    /// - Parameter digest: of the column's hash; nil for a violation.
    private mutating func advance(_ record: RecordLayout, _ digest: Digest?, _ bytes: Span<UInt8>) {
        var meetsQuote = false
        var index = 0
        // A lane that is parted from another stands behind it, and has its own turn.
        while index < tracks.count {
            if tracks[index].lane.pcr == record.pcr {
                if let parted = tracks[index].part(record.isViolation) { append(parted) }
                tracks[index].extend(record, digest, bytes)
                if tracks[index].isMatched { meetsQuote = true }
            }
            index += 1
        }
        isMatched = meetsQuote && evaluate()
    }
}
