internal import Dispatch
import Glibc
import Synchronization

/// What a program does when SIGINT, SIGTERM or SIGHUP asks it to end: it puts away what must not be left behind, and then
/// dies of the signal, as whoever sent it expects. A second signal ends it at once.
package enum Interruption {
    /// Does something while a signal asks for an end in another way.
    ///
    /// - Parameter end: brings `body` to its end.
    package static func handled<Result>(
        by end: @escaping @Sendable () async -> Void, _ body: () async throws -> Result
    ) async rethrows -> Result {
        let usual = answer.withLock { answer in
            defer { answer = { _ in await end() } }
            return answer
        }
        defer { answer.withLock { $0 = usual } }
        return try await body()
    }

    /// From now on signals are answered; those that the program was started to ignore stay ignored (nohup(1), and the
    /// jobs of a shell's background).
    static func watch(puttingAway putAway: @escaping @Sendable () async -> Void) {
        answer.withLock {
            $0 = { number in
                await putAway()
                die(of: number)
            }
        }
        for number in [SIGINT, SIGTERM, SIGHUP] {
            // A source is given what is ignored, too, in a thread where anything may be done.
            guard unsafeBitCast(signal(number, SIG_IGN), to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self) else {
                continue
            }
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { receive(number) }
            source.activate()
            sources.withLock { $0.append(Source(source)) }
        }
    }

    private static func receive(_ number: Int32) {
        guard !isReceived.exchange(true, ordering: .relaxed), let answer = answer.withLock({ $0 }) else {
            die(of: number)
        }
        Task { await answer(number) }
    }

    /// Ends the process at once, as the signal would if nobody answered it.
    static func die(of number: Int32) -> Never {
        signal(number, SIG_DFL)
        var own = sigset_t()
        sigemptyset(&own)
        sigaddset(&own, number)
        pthread_sigmask(SIG_UNBLOCK, &own, nil)
        raise(number)
        _exit(128 + number)  // the first process of a namespace doesn't die of signals
    }

    private static let queue = DispatchQueue(label: "assay.signals")
    private static let isReceived = Atomic(false)
    private static let answer = Mutex<(@Sendable (Int32) async -> Void)?>(nil)
    private static let sources = Mutex<[Source]>([])

    /// Kept for as long as the program runs, and touched by nobody.
    private struct Source: @unchecked Sendable {
        private let source: any DispatchSourceSignal
        init(_ source: any DispatchSourceSignal) { self.source = source }
    }
}
