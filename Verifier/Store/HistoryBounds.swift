/// How much of an agent's past is kept: the last verdicts in full, older ones in short and thinned.
///
/// Thinning takes the oldest verdicts first that only repeat the one before them (same tier, policy, boot epoch and
/// reasons), so that changes are kept longest; only when none of those is left the oldest verdict goes.
package struct HistoryBounds: Hashable, Sendable {
    /// Verdicts of one agent, at most; 16 or more, since a page of 16 is thinned at once.
    package var verdicts = 100
    /// The newest of them keep their findings; older ones only the counts by reason.
    package var full = 10
    /// Seconds after which a verdict is forgotten, unless it is the last one.
    package var age: Int64 = 90 * 86_400
    /// Bytes that the verdicts and findings of one agent may take, but for the last verdict's findings.
    package var bytes = 64 << 10
    /// Events of one agent, and keys in its history, at most.
    package var events = 100

    /// The defaults.
    package init() {}
}

extension HistoryBounds {
    /// The verdicts that are kept, ascending by number as they came.
    ///
    /// - Parameters:
    ///   - limit: how many may stay.
    ///   - time: now, in seconds since 1970.
    func thinned(_ verdicts: [PastVerdict], to limit: Int, at time: Int64) -> [PastVerdict] {
        let last = verdicts.last?.verdict.number
        let young = verdicts.filter { $0.verdict.givenAt >= time - age || $0.verdict.number == last }
        let limit = max(limit, 1)
        var excess = young.count - limit
        guard excess > 0 else { return young }
        // The newest are kept in any case, as far as the limit allows.
        let safe = young.count - min(full, limit)
        var kept: [PastVerdict] = []
        for (index, verdict) in young.enumerated() {
            if excess > 0, index > 0, index < safe, verdict.repeats(young[index - 1]) {
                excess -= 1
            } else {
                kept.append(verdict)
            }
        }
        return Array(kept.dropFirst(max(0, excess)))
    }
}
