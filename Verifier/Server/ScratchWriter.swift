import Store
import Synchronization

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
