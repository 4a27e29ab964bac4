package import AssayCrypto

/// Which PCRs must match, and under which forms they do.
extension PCRReplay {
    /// The values to go on from after a match: the quoted ones, with the forms that led to them; none without a match.
    package var matchedLanes: [Lane] {
        guard isMatched else { return [] }
        var result: [Lane] = []
        for track in tracks {
            let lane = track.lane
            guard let target = track.target, !result.contains(where: { $0.bank == lane.bank && $0.pcr == lane.pcr })
            else { continue }
            result.append(Lane(bank: lane.bank, pcr: lane.pcr, forms: matchingForms(lane.bank), value: target))
        }
        return result
    }

    /// The banks wider than SHA-1 that a match has in a padded form only, if none of them vouches for the records by its
    /// own hash: then SHA-1 is all that does. None without a match.
    package var banksOfPaddedSHA1: [PCRBank] {
        let wide = matchedLanes.filter { $0.bank != .sha1 }
        guard !wide.contains(where: { $0.forms.contains(.own) }) else { return [] }
        return Set(wide.map(\.bank)).sorted()
    }

    /// The value of a PCR for the form that is likeliest: the bank's own hash if it is possible.
    package func value(_ bank: PCRBank, _ pcr: UInt32) -> Digest? {
        let candidates = lanes.filter { $0.bank == bank && $0.pcr == pcr }
        return (candidates.first { $0.forms.contains(.own) } ?? candidates.first)?.value
    }

    /// Whether a PCR is replayed; from now on it is if the quote has it.
    mutating func cover(_ pcr: UInt32) -> Bool {
        for index in tracks.indices where tracks[index].lane.pcr == pcr { return true }
        var isQuoted = false
        for quote in quoted where quote.pcr == pcr {
            isQuoted = true
            let forms = forms(quote.bank) { _ in true }
            append(Lane(bank: quote.bank, pcr: pcr, forms: forms, value: quote.bank.resetValue(ofPCR: pcr)))
        }
        return isQuoted
    }

    /// Adds a lane, with its target.
    mutating func append(_ lane: Lane) {
        let target = quoted.first { $0.bank == lane.bank && $0.pcr == lane.pcr }?.value
        tracks.append(Track(lane: lane, target: target))
    }

    /// Whether every PCR that is replayed has its quoted value in every bank.
    func evaluate() -> Bool {
        guard !quoted.isEmpty, !tracks.isEmpty else { return false }
        for track in tracks where matchingForms(track.lane.bank).isEmpty { return false }
        return true
    }

    /// The forms under which every PCR of the bank that is replayed has its quoted value.
    private func matchingForms(_ bank: PCRBank) -> PaddingForms {
        forms(bank) { $0.isMatched }
    }

    /// The forms that are common to the bank's PCRs, counting only some tracks.
    private func forms(_ bank: PCRBank, where condition: (Track) -> Bool) -> PaddingForms {
        var common = PaddingForms.possible(for: bank)
        for track in tracks where track.lane.bank == bank {
            var ofPCR: PaddingForms = []
            for other in tracks where other.lane.bank == bank && other.lane.pcr == track.lane.pcr && condition(other) {
                ofPCR.formUnion(other.lane.forms)
            }
            common.formIntersection(ofPCR)
        }
        return common
    }
}

extension PaddingForms {
    /// All that a bank can have: SHA-1 needs no padding.
    static func possible(for bank: PCRBank) -> PaddingForms {
        bank == .sha1 ? .own : .all
    }

    /// What the kernel extends for a violation.
    func violation(_ bank: PCRBank) -> Digest {
        self == .paddedViolations
            ? Digest(repeating: 0xff, count: PCRBank.sha1.digestSize).padded(to: bank.digestSize)
            : Digest(repeating: 0xff, count: bank.digestSize)
    }
}

extension PCRBank {
    /// A PCR after a reset: 17 to 22 are all ones until a dynamic launch, the others zero.
    ///
    /// Source: TCG PC Client Platform TPM Profile for TPM 2.0, table "PCR Initial and Reset Values".
    func resetValue(ofPCR pcr: UInt32) -> Digest {
        Digest(repeating: (17...22).contains(pcr) ? 0xff : 0, count: digestSize)
    }
}
