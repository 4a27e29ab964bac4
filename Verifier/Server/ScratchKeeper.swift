import Store
import Synchronization

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

/// Writes what is known of a log on its way while the session goes on: it waits for no write, and no second one begins
/// before one is done. A round that is over within a second, and within a few MiB, writes nothing.
final class ScratchWriter: Sendable {
    private struct State {
        var keeper = ScratchKeeper()
        var isEnding = false
        var task: Task<Void, Never>?
    }

    private let state = Mutex(State())
    private let alarm = Alarm()
    private let write: @Sendable (Scratch) async -> Void

    /// - Parameter write: writes, and returns when that is done.
    init(write: @escaping @Sendable (Scratch) async -> Void) {
        self.write = write
    }

    /// A round begins.
    func begin() { state.withLock { $0.keeper.begin(at: .now) } }

    /// Takes in where the round stands.
    func take(_ scratch: Scratch) {
        let isDue = state.withLock { state in
            state.keeper.take(scratch)
            if state.task == nil { state.task = Task { await run() } }
            return state.keeper.due.map { $0 <= .now } ?? false
        }
        if isDue { alarm.ring() }
    }

    /// The round has its verdict: nothing more of it is to be written.
    func clear() {
        begin()
        alarm.ring()
    }

    /// The same, and waits for a write that is under way.
    func drop() async {
        clear()
        await state.withLock(\.task)?.value
    }

    /// The connection has ended: writes what is not written yet.
    func end() async {
        state.withLock { $0.isEnding = true }
        alarm.ring()
        await state.withLock(\.task)?.value
    }

    private func run() async {
        while true {
            alarm.quiet()
            let due = state.withLock { state -> ContinuousClock.Instant? in
                guard let due = state.keeper.due else {
                    state.task = nil
                    return nil
                }
                return state.isEnding ? .now : due
            }
            guard let due else { return }
            await alarm.sleep(until: due)
            let scratch = state.withLock { state in
                state.isEnding || state.keeper.due.map { $0 <= .now } ?? false
                    ? state.keeper.takeLatest(at: .now) : nil
            }
            if let scratch { await write(scratch) }
        }
    }
}
