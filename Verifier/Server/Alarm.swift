import Synchronization

/// What a session sleeps by between two rounds, and what wakes it before its time.
final class Alarm: Sendable {
    private struct State {
        var isRung = false
        var sleeper: Task<Void, Never>?
    }

    private let state = Mutex(State())

    /// Wakes whoever sleeps, or who is about to.
    func ring() {
        state.withLock { state in
            state.isRung = true
            state.sleeper?.cancel()
        }
    }

    /// What it has rung for is seen to.
    func quiet() {
        state.withLock { $0.isRung = false }
    }

    /// Sleeps until a time, until it rings, or until the task is cancelled.
    func sleep(until end: ContinuousClock.Instant) async {
        let sleeper = Task<Void, Never> { try? await Task.sleep(until: end, clock: .continuous) }
        state.withLock { state in
            if state.isRung { sleeper.cancel() }
            state.sleeper = sleeper
        }
        await withTaskCancellationHandler {
            await sleeper.value
        } onCancel: {
            sleeper.cancel()
        }
        state.withLock { $0.sleeper = nil }
    }
}
