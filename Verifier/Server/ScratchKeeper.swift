import Store

/// When what is known of a log on its way is worth a write: every few MiB or every second, and when the connection ends.
///
/// Nothing waits for such a write, and no second one begins before it is done. A round that needs no second shard, or no
/// second, writes nothing.
struct ScratchKeeper {
    /// Bytes that a killed verifier may have to be sent again, but for what a second brings.
    static let bytes: UInt64 = 4 << 20
    /// How long nothing is written, as long as little comes.
    static let interval = Duration.seconds(1)

    /// The latest that isn't written.
    private var latest: Scratch?
    private var last: (time: ContinuousClock.Instant, bytes: UInt64)?

    /// A round begins: what an earlier one left is of no use.
    mutating func begin(at now: ContinuousClock.Instant) {
        latest = nil
        last = (now, 0)
    }

    /// Takes in where the round stands.
    ///
    /// - Parameter isWriting: whether an earlier one is still being written.
    /// - Returns: what is to be written now; nil for nothing yet.
    mutating func take(
        _ scratch: Scratch, at now: ContinuousClock.Instant, isWriting: Bool = false
    ) -> Scratch? {
        latest = scratch
        let last = last ?? (now, 0)
        let before = max(last.bytes, scratch.transfer.bytesBefore)
        self.last = (last.time, before)
        guard !isWriting else { return nil }
        guard now - last.time >= Self.interval || scratch.transfer.bytesDone >= before + Self.bytes else { return nil }
        self.last = (now, scratch.transfer.bytesDone)
        return takeLatest()
    }

    /// What is to be written when the connection ends.
    mutating func takeLatest() -> Scratch? {
        defer { latest = nil }
        return latest
    }
}
