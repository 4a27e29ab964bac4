import Foundation
import Synchronization

@testable import Attester

/// Counts file events, and captures the world at one of them: the shards' folder, and the kernel.
final class Counter: Sendable {
    private struct State {
        var count = 0
        var captured: ModelKernel?
    }

    private let state = Mutex(State())

    func next() -> Int {
        state.withLock { state in
            state.count += 1
            return state.count
        }
    }

    /// Copies both as they are.
    func capture(_ kernel: ModelKernel, _ shards: URL, _ copy: URL) {
        try? FileManager.default.copyItem(at: shards, to: copy)
        state.withLock { $0.captured = kernel.copy() }
    }

    var captured: ModelKernel? { state.withLock { $0.captured } }
}
