/// The TPM's clock and counters as a quote states them: the boot epoch, as the TPM itself tells it (TPMS_CLOCK_INFO;
/// TPM 2.0 Part 2, 10.11.1).
package struct ClockInfo: Hashable, Sendable {
    /// Milliseconds that the TPM has been powered, since it was last cleared.
    package var clock: UInt64
    /// Counts TPM resets: one more at each boot. For a key outside the endorsement and platform hierarchies the TPM
    /// adds a value that depends on the key: compare only what the same key signed.
    package var resetCount: UInt32
    /// Counts resumes and restarts since the last reset, with the same caveat.
    package var restartCount: UInt32
    /// False after a power cut, until the clock has certainly passed every value it ever showed.
    package var isSafe: Bool

    /// States a clock.
    package init(clock: UInt64, resetCount: UInt32, restartCount: UInt32, isSafe: Bool) {
        self.clock = clock
        self.resetCount = resetCount
        self.restartCount = restartCount
        self.isSafe = isSafe
    }
}

/// How a quote's clock continues the one before it, by the same attestation key.
package enum ClockRelation: Hashable, Sendable {
    /// The boot epoch goes on. `restarted`: the host was suspended between the two, so its PCRs may or may not be what
    /// they were.
    case sameEpoch(restarted: Bool)
    /// The host has booted since. The clock is then only reported, and restartCount has begun again.
    case newEpoch

    /// Compares two clocks of one key.
    ///
    /// - Throws: ``QuoteError`` with `.resetWentBack`, or `.clockWentBack` within an epoch. An equal clock is fine.
    package static func relation(previous: ClockInfo, now: ClockInfo) throws(QuoteError) -> ClockRelation {
        guard now.resetCount >= previous.resetCount else {
            throw QuoteError(.resetWentBack, "resetCount is \(now.resetCount), and was \(previous.resetCount)")
        }
        guard now.resetCount == previous.resetCount else { return .newEpoch }
        guard now.clock >= previous.clock else {
            throw QuoteError(.clockWentBack, "clock is \(now.clock) ms, and was \(previous.clock) ms in the same epoch")
        }
        return .sameEpoch(restarted: now.restartCount != previous.restartCount)
    }
}
