package import Messages

/// How long an agent waits before it dials again. Waits are spread, so that a fleet doesn't come back in one moment.
package struct Backoff: Sendable {
    /// The first wait, in seconds; each further one is twice as long.
    static let shortest = 1.0
    /// The longest wait of the agent's own choice, in seconds.
    static let longest = 60.0
    /// The longest wait that a verifier can ask for, in seconds: an hour.
    static let longestAskedFor = 3600.0

    private var next = shortest

    /// Begins with the shortest wait.
    package init() {}

    /// A connection ended: how long to wait before the next one.
    ///
    /// - Parameters:
    ///   - gaveVerdict: whether it brought a verdict, however it ended; then the waits begin anew, but not where a newer
    ///     connection took over: two hosts with one certificate would end each other's.
    ///   - refusal: what the verifier ended it with; nil if it said nothing.
    ///   - chance: 0...1, evenly spread.
    package mutating func wait(gaveVerdict: Bool, refusal: Status?, chance: Double) -> Duration {
        if gaveVerdict, refusal?.code != .aborted { next = Self.shortest }
        if let refusal, refusal.advice != .comeBack { next = Self.longest }
        let own = next * (0.5 + chance)
        next = min(next * 2, Self.longest)
        let askedFor = min(Double(refusal?.retryAfterSeconds ?? 0), Self.longestAskedFor)
        // Never sooner than the verifier asked for.
        return .seconds(max(own, askedFor * (1 + chance / 2)))
    }
}
