import Store

/// When what is known of a log on its way is worth a write: every few MiB, every second, and when the connection ends.
struct ScratchKeeper {
    /// Bytes that a killed verifier may have to be sent again, but for what a second brings.
    private let bytes: UInt64
    /// How long what came is not written, as long as it is little.
    private let interval: Duration
    /// The latest that isn't written.
    private var latest: Scratch?
    /// When something was written last, or the round began, and how much was here then.
    private var last = (time: ContinuousClock.now, bytes: UInt64(0))

    /// The default is what a killed verifier may cost.
    init(bytes: UInt64 = 4 << 20, interval: Duration = .seconds(1)) {
        self.bytes = bytes
        self.interval = interval
    }

    /// A round begins: what an earlier one left is of no use.
    mutating func begin(at now: ContinuousClock.Instant) {
        latest = nil
        last = (now, 0)
    }

    /// Takes in where the round stands.
    mutating func take(_ scratch: Scratch) {
        latest = scratch
        last.bytes = max(last.bytes, scratch.transfer.bytesBefore)
    }

    /// When the latest is to be written; nil if there is none that isn't.
    var due: ContinuousClock.Instant? {
        guard let latest else { return nil }
        return latest.transfer.bytesDone >= last.bytes + bytes ? last.time : last.time + interval
    }

    /// The latest that isn't written; it will be.
    mutating func takeLatest(at now: ContinuousClock.Instant) -> Scratch? {
        guard let latest else { return nil }
        last = (now, latest.transfer.bytesDone)
        self.latest = nil
        return latest
    }
}
