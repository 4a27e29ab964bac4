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
        package var columnMatches: Bool
        /// Whether the digest column marks a violation.
        package var isViolation: Bool
        /// Whether the record's PCR is one that is replayed; nothing vouches for a record whose PCR is not.
        package var isCovered: Bool
    }

    /// The running values.
    package private(set) var lanes: [Lane]
    /// Whether all PCRs that are replayed have the quoted values, in every bank, after the records so far.
    package private(set) var isMatched = false
    private let quoted: [Quoted]
    private let column: PCRBank

    /// Replays towards a quote.
    ///
    /// - Parameters:
    ///   - quoted: what the quote proves. A PCR of it that is not in `pcrs` is replayed once a record names it, and not
    ///     before: a host's firmware may use it for its own ends.
    ///   - pcrs: the PCRs that the kernel is known to use.
    ///   - resuming: where an earlier replay of this boot epoch stood; without any, all PCRs stand as after a reset.
    ///   - column: the hash of the log's digest column.
    package init(towards quoted: [Quoted], pcrs: [UInt32], resuming: [Lane] = [], column: PCRBank = .sha1) {
        self.quoted = quoted
        self.column = column
        lanes = resuming
        for pcr in pcrs { _ = cover(pcr) }
        isMatched = evaluate()
    }

    /// Replays without a quote, to learn the values.
    package init(banks: [PCRBank], pcrs: [UInt32], column: PCRBank = .sha1) {
        quoted = []
        self.column = column
        lanes = []
        for bank in banks {
            for pcr in pcrs where !lanes.contains(where: { $0.bank == bank && $0.pcr == pcr }) {
                lanes.append(Lane(bank: bank, pcr: pcr, forms: Self.forms(of: bank), value: Self.resetValue(bank, pcr)))
            }
        }
    }

    /// Extends the PCR that a record names, in each bank that has it.
    ///
    /// - Complexity: a hash of the template data for each bank, a hash of two digests for each lane; no allocation, but
    ///   for the first record and the first violation, when forms part.
    package mutating func extend(_ record: RecordLayout, in bytes: Span<UInt8>) -> Step {
        var digests = TemplateDigests(record, in: bytes)
        let isViolation = record.isViolation(in: bytes)
        let columnMatches = isViolation || digests[column].equals(bytes.extracting(record.templateDigest))
        let isCovered = cover(record.pcr)
        if isCovered {
            part(record.pcr, isViolation)
            if advance(record.pcr, isViolation, &digests) { isMatched = evaluate() } else { isMatched = false }
        }
        return Step(columnMatches: columnMatches, isViolation: isViolation, isCovered: isCovered)
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

    /// The values to go on from after a match: the quoted ones, with the forms that led to them; none without a match.
    package var matchedLanes: [Lane] {
        guard isMatched else { return [] }
        var result: [Lane] = []
        for lane in lanes where !result.contains(where: { $0.bank == lane.bank && $0.pcr == lane.pcr }) {
            guard let target = target(lane.bank, lane.pcr) else { continue }
            result.append(Lane(bank: lane.bank, pcr: lane.pcr, forms: matchingForms(lane.bank), value: target))
        }
        return result
    }

    /// The value of a PCR for the forms that are likeliest: the bank's own hash if it is possible.
    package func value(_ bank: PCRBank, _ pcr: UInt32) -> Digest? {
        let candidates = lanes.filter { $0.bank == bank && $0.pcr == pcr }
        return (candidates.first { $0.forms.contains(.own) } ?? candidates.first)?.value
    }
}

// MARK: One record

extension PCRReplay {
    /// True if any value that was extended is now the quoted one.
    private mutating func advance(_ pcr: UInt32, _ isViolation: Bool, _ digests: inout TemplateDigests) -> Bool {
        var meetsQuote = false
        for index in lanes.indices where lanes[index].pcr == pcr {
            let bank = lanes[index].bank
            let digest = Self.digest(bank, lanes[index].forms, isViolation, &digests)
            bank.extend(&lanes[index].value, with: digest)
            if lanes[index].value == target(bank, pcr) { meetsQuote = true }
        }
        return meetsQuote
    }

    private static func digest(
        _ bank: PCRBank, _ forms: PaddingForms, _ isViolation: Bool, _ digests: inout TemplateDigests
    ) -> Digest {
        if isViolation {
            return forms == .paddedViolations
                ? Digest(repeating: 0xff, count: 20).padded(to: bank.digestSize)
                : Digest(repeating: 0xff, count: bank.digestSize)
        }
        return forms == .own ? digests[bank] : digests[.sha1].padded(to: bank.digestSize)
    }

    /// Gives forms that this record tells apart a lane each.
    private mutating func part(_ pcr: UInt32, _ isViolation: Bool) {
        let together: PaddingForms = isViolation ? [.own, .padded] : .own
        for index in lanes.indices where lanes[index].pcr == pcr {
            let others = lanes[index].forms.subtracting(together)
            guard !others.isEmpty, others != lanes[index].forms else { continue }
            var lane = lanes[index]
            lane.forms = others
            lanes[index].forms.formIntersection(together)
            lanes.append(lane)
        }
    }
}

// MARK: PCRs and forms

extension PCRReplay {
    /// Whether a PCR has lanes; gives it lanes if the quote has it.
    private mutating func cover(_ pcr: UInt32) -> Bool {
        for lane in lanes where lane.pcr == pcr { return true }
        var isQuoted = false
        for quote in quoted where quote.pcr == pcr {
            isQuoted = true
            let value = Self.resetValue(quote.bank, pcr)
            lanes.append(Lane(bank: quote.bank, pcr: pcr, forms: possibleForms(quote.bank), value: value))
        }
        return isQuoted
    }

    private func evaluate() -> Bool {
        guard !quoted.isEmpty, !lanes.isEmpty else { return false }
        for lane in lanes where matchingForms(lane.bank).isEmpty { return false }
        return true
    }

    /// The forms under which every PCR of the bank that is replayed has its quoted value.
    private func matchingForms(_ bank: PCRBank) -> PaddingForms {
        forms(bank) { $0.value == target(bank, $0.pcr) }
    }

    /// The forms that every PCR of the bank allows.
    private func possibleForms(_ bank: PCRBank) -> PaddingForms {
        forms(bank) { _ in true }
    }

    private func forms(_ bank: PCRBank, where condition: (Lane) -> Bool) -> PaddingForms {
        var common = Self.forms(of: bank)
        for lane in lanes where lane.bank == bank {
            var ofPCR: PaddingForms = []
            for other in lanes where other.bank == bank && other.pcr == lane.pcr && condition(other) {
                ofPCR.formUnion(other.forms)
            }
            common.formIntersection(ofPCR)
        }
        return common
    }

    private func target(_ bank: PCRBank, _ pcr: UInt32) -> Digest? {
        for quote in quoted where quote.bank == bank && quote.pcr == pcr { return quote.value }
        return nil
    }

    /// All that a bank can have: SHA-1 needs no padding.
    private static func forms(of bank: PCRBank) -> PaddingForms {
        bank == .sha1 ? .own : .all
    }

    /// PCR 17 to 22 are all ones until a dynamic launch, the others zero. Source: TCG PC Client Platform TPM Profile.
    private static func resetValue(_ bank: PCRBank, _ pcr: UInt32) -> Digest {
        Digest(repeating: (17...22).contains(pcr) ? 0xff : 0, count: bank.digestSize)
    }
}

extension Digest {
    /// The digest with zeros behind it.
    fileprivate func padded(to count: Int) -> Digest {
        withBytes { bytes in Digest(count: count) { $0.copyMemory(from: bytes) } }
    }

    fileprivate func equals(_ other: Span<UInt8>) -> Bool {
        Digest(other) == self
    }
}
