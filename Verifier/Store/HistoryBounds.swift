/// How much of an agent's past is kept: the last verdicts in full, older ones in short and thinned.
///
/// Thinning takes the oldest verdicts first that only repeat the one before them (same tier, policy, boot epoch and
/// reasons), so that changes are kept longest; only when none of those is left the oldest verdict goes. What failed last
/// in a boot epoch outlasts all of it (``lasting(_:)``): a host can't have it pushed out by being judged again.
package struct HistoryBounds: Hashable, Sendable {
    /// Verdicts of one agent, at most, unless more of them last; 16 or more, since a page of 16 is thinned at once.
    package var verdicts = 100
    /// The newest of them keep their findings; older ones only the counts by reason, unless they last.
    package var full = 10
    /// Boot epochs with a verdict that failed, the newest, of which the last such verdict keeps its findings.
    static let failingEpochs = 8
    /// Seconds after which a verdict is forgotten, unless it is the last one.
    package var age: Int64 = 90 * 86_400
    /// Bytes that the verdicts and findings of one agent may take, but for the last verdict's findings and those that
    /// last.
    package var bytes = 64 << 10
    /// Events of one agent, and keys in its history, at most.
    package var events = 100

    /// The defaults.
    package init() {}
}

extension HistoryBounds {
    /// Numbers of the verdicts whose findings outlast newer ones: of each of the last boot epochs in which a verdict
    /// failed, the last that did. One that didn't meet its quote counts beside one that did, since a host can have the
    /// former whenever it likes, and it says nothing of what the latter found.
    ///
    /// - Parameter verdicts: ascending by number.
    func lasting(_ verdicts: [PastVerdict]) -> Set<UInt64> {
        var epochs: [(resetCount: UInt32?, met: UInt64?, unmet: UInt64?)] = []
        // A verdict that didn't meet its quote is taken for one of the boot that the one before it told.
        var resetCount: UInt32?
        for past in verdicts {
            resetCount = past.resetCount ?? resetCount
            guard !past.verdict.failures.isEmpty else { continue }
            var epoch = (resetCount: resetCount, met: UInt64?.none, unmet: UInt64?.none)
            if let last = epochs.last, last.resetCount == resetCount { epoch = epochs.removeLast() }
            if past.resetCount == nil { epoch.unmet = past.verdict.number } else { epoch.met = past.verdict.number }
            epochs.append(epoch)
        }
        return Set(epochs.suffix(Self.failingEpochs).flatMap { [$0.met, $0.unmet].compactMap(\.self) })
    }

    /// The verdicts that are kept, ascending by number as they came.
    ///
    /// - Parameters:
    ///   - limit: how many may stay: more do only if they last, and the last one always does.
    ///   - time: now, in seconds since 1970.
    func thinned(_ verdicts: [PastVerdict], to limit: Int, at time: Int64) -> [PastVerdict] {
        let last = verdicts.last?.verdict.number
        let young = verdicts.filter { $0.verdict.givenAt >= time - age || $0.verdict.number == last }
        let lasting = lasting(young)
        let limit = max(limit, lasting.count + 1)
        let excess = young.count - limit
        guard excess > 0 else { return young }
        // The newest are kept in any case, as far as the limit allows.
        let safe = young.count - min(full, limit)
        var gone: Set<Int> = []
        func giveUp(_ isDispensable: (_ index: Int) -> Bool) {
            for index in young.indices.dropLast() where gone.count < excess && !gone.contains(index) {
                if isDispensable(index) { gone.insert(index) }
            }
        }
        giveUp { index in
            index > 0 && index < safe && young[index].repeats(young[index - 1])
                && !lasting.contains(young[index].verdict.number)
        }
        giveUp { !lasting.contains(young[$0].verdict.number) }
        return young.indices.filter { !gone.contains($0) }.map { young[$0] }
    }
}
