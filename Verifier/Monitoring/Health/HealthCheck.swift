/// Whether the verifier can serve: agents can connect, and a verdict would be durable.
///
/// Asking may cost a write to the disk, so an answer stands for a few seconds, however often it is asked for.
package actor HealthCheck {
    /// For how long the store's answer stands.
    static let interval = Duration.seconds(5)
    /// How long the store may take to answer.
    static let patience = Duration.seconds(5)

    private let checkStore: @Sendable () async throws -> Void
    private let isListening: @Sendable () -> Bool
    private let certificateProblem: @Sendable () -> String?
    private let warnings: @Sendable () -> [String]
    private var last: (checked: ContinuousClock.Instant, problem: String?)?
    private var running: Task<String?, Never>?

    /// - Parameters:
    ///   - isListening: whether agents can connect.
    ///   - certificateProblem: why agents refuse the server's certificate; nil if they don't.
    ///   - warnings: what may keep it from serving soon, or others from being served, a sentence each.
    ///   - checkStore: throws what keeps verdicts from being durable.
    package init(
        isListening: @escaping @Sendable () -> Bool, certificateProblem: @escaping @Sendable () -> String? = { nil },
        warnings: @escaping @Sendable () -> [String] = { [] }, checkStore: @escaping @Sendable () async throws -> Void
    ) {
        self.isListening = isListening
        self.certificateProblem = certificateProblem
        self.warnings = warnings
        self.checkStore = checkStore
    }

    /// Why the verifier can't serve; empty if it can.
    package func problems() async -> [String] {
        var problems: [String] = []
        if !isListening() { problems.append("no agent can connect: the listener is closed") }
        if let problem = certificateProblem() { problems.append(problem) }
        if let problem = await storeProblem() { problems.append(problem) }
        return problems
    }

    /// What may keep the verifier from serving soon; empty if nothing is known.
    package nonisolated func nextProblems() -> [String] { warnings() }

    private func storeProblem() async -> String? {
        if let last, ContinuousClock.now - last.checked < Self.interval { return last.problem }
        let check = running ?? Task { await self.check() }
        running = check
        return await Self.first({ await check.value }, orAfter: Self.patience)
    }

    private func check() async -> String? {
        var problem: String?
        do {
            try await checkStore()
        } catch {
            problem = "\(error)"
        }
        last = (.now, problem)
        running = nil
        return problem
    }

    /// What `answer` gives; a store that hangs isn't waited for.
    private static func first(
        _ answer: @escaping @Sendable () async -> String?, orAfter patience: Duration
    ) async -> String? {
        let (answers, continuation) = AsyncStream.makeStream(of: String?.self)
        let timer = Task {
            try await Task.sleep(for: patience)
            continuation.yield("the store doesn't answer within \(patience); is its disk stuck?")
        }
        Task {
            continuation.yield(await answer())
            continuation.finish()
        }
        defer { timer.cancel() }
        for await answer in answers { return answer }
        return nil
    }
}
