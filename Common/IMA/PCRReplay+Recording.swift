package import AssayCrypto

/// Replaying without a quote, to learn the values that a quote would have.
extension PCRReplay {
    /// Replays a PCR from its reset value on in each of the banks, unless it is replayed already.
    package mutating func follow(_ pcr: UInt32, in banks: [PCRBank]) {
        for bank in banks where !tracks.contains(where: { $0.lane.bank == bank && $0.lane.pcr == pcr }) {
            append(Lane(bank: bank, pcr: pcr, forms: .possible(for: bank), value: bank.resetValue(ofPCR: pcr)))
        }
    }
}
