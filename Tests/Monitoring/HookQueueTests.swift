import CoreMetrics
import Logging
import ServiceLifecycle
import Store
import Synchronization
import Testing

@testable import Monitoring

/// A hook that a test leads: it fails as often as it is told to, and can be held up.
private final class LedHook: Hook {
    struct State {
        var told: [String] = []
        var tries = 0
        var failures = 0
        var hangs = false
    }

    let state = Mutex(State())
    var kind: HookKind { .command }

    func deliver(_ change: TierChange) async throws {
        let (fails, hangs) = state.withLock { state in
            state.tries += 1
            state.failures -= 1
            return (state.failures >= 0, state.hangs)
        }
        if hangs { try await Task.sleep(for: .seconds(3600)) }
        if fails { throw Refused() }
        state.withLock { $0.told.append(change.agent.description) }
    }

    struct Refused: Error {}
}

@Suite("A hook's queue", .timeLimit(.minutes(2))) struct HookQueueTests {
    private let registry = MetricRegistry(HookQueue.descriptions)

    private var quick: HookQueue.Settings {
        var settings = HookQueue.Settings()
        settings.firstPause = .milliseconds(1)
        settings.longestPause = .milliseconds(2)
        settings.attempts = 3
        return settings
    }

    private func queue(_ hook: LedHook, _ settings: HookQueue.Settings) -> HookQueue {
        var logger = Logger(label: "test")
        logger.handler = SwiftLogNoOpLogHandler()
        return HookQueue(hook, settings: settings, logger: logger, registry: registry)
    }

    private func count(_ result: String) -> Int {
        let prefix = #"assay_hook_events_total{hook="command",result="\#(result)"} "#
        let line = PrometheusText.render(registry).split(separator: "\n").first { $0.hasPrefix(prefix) }
        return line.flatMap { Int($0.dropFirst(prefix.count)) } ?? -1
    }

    /// Runs the queue until something holds.
    private func run(_ queue: HookQueue, until holds: @escaping @Sendable () -> Bool) async throws {
        let runner = Task { try await queue.run() }
        while !holds() { try await Task.sleep(for: .milliseconds(2)) }
        runner.cancel()
        _ = await runner.result
    }

    @Test("delivers in order, each change once")
    func order() async throws {
        let hook = LedHook()
        let queue = queue(hook, quick)
        for number in 1...20 { queue.offer(try Samples.change("host-\(number)")) }
        try await run(queue) { hook.state.withLock { $0.told.count } == 20 }
        #expect(hook.state.withLock { $0.told } == (1...20).map { "host-\($0)" })
        #expect(count("delivered") == 20 && count("failed") == 0 && count("dropped") == 0)
    }

    @Test("tries again, and then goes on")
    func retry() async throws {
        let hook = LedHook()
        hook.state.withLock { $0.failures = 2 }
        let queue = queue(hook, quick)
        queue.offer(try Samples.change("a"))
        queue.offer(try Samples.change("b"))
        try await run(queue) { hook.state.withLock { $0.told.count } == 2 }
        #expect(hook.state.withLock { $0.told } == ["a", "b"])
        #expect(hook.state.withLock { $0.tries } == 4)
        #expect(count("delivered") == 2 && count("failed") == 0)
    }

    @Test("gives a change up after all tries, and goes on with the next")
    func giveUp() async throws {
        let hook = LedHook()
        hook.state.withLock { $0.failures = 3 }
        let queue = queue(hook, quick)
        queue.offer(try Samples.change("a"))
        queue.offer(try Samples.change("b"))
        try await run(queue) { hook.state.withLock { $0.told.count } == 1 }
        #expect(hook.state.withLock { $0.told } == ["b"])
        #expect(count("failed") == 1 && count("delivered") == 1)
    }

    @Test("doesn't wait for a hook that hangs, and holds nobody up meanwhile")
    func hang() async throws {
        let hook = LedHook()
        hook.state.withLock { $0.hangs = true }
        var settings = quick
        settings.timeoutSeconds = 1
        settings.attempts = 1
        settings.limit = 3
        let queue = queue(hook, settings)
        let runner = Task { try await queue.run() }
        queue.offer(try Samples.change("hanging"))
        while hook.state.withLock({ $0.tries }) == 0 { try await Task.sleep(for: .milliseconds(2)) }
        // All of these are taken at once, while the first delivery is stuck; the oldest make room.
        for number in 1...10 { queue.offer(try Samples.change("host-\(number)")) }
        #expect(count("dropped") == 7)
        #expect(PrometheusText.render(registry).contains("assay_hook_waiting{hook=\"command\"} 3\n"))
        hook.state.withLock { $0.hangs = false }
        while hook.state.withLock({ $0.told.count }) < 3 { try await Task.sleep(for: .milliseconds(2)) }
        runner.cancel()
        _ = await runner.result
        #expect(hook.state.withLock { $0.told } == ["host-8", "host-9", "host-10"])
        #expect(count("failed") == 1 && count("delivered") == 3)
        #expect(PrometheusText.render(registry).contains("assay_hook_waiting{hook=\"command\"} 0\n"))
    }

    @Test("pauses longer after each failure, up to the longest pause")
    func pauses() {
        let settings = HookQueue.Settings()
        #expect([1, 2, 3, 6, 7, 100].map(settings.pause) == [1, 2, 4, 32, 60, 60].map { .seconds($0) })
    }
}
