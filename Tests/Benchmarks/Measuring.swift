import Glibc

/// Seconds of a clock: of this process's threads, or on the wall.
struct Clock {
    static let cpu = Clock(id: CLOCK_PROCESS_CPUTIME_ID)
    static let wall = Clock(id: CLOCK_MONOTONIC)

    let id: clockid_t

    private var now: Double {
        var time = timespec()
        clock_gettime(id, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// How long something takes: the shortest of some tries, for whatever lengthens one isn't the work.
    func least(of tries: Int, _ work: () throws -> Void) rethrows -> Double {
        var least = Double.infinity
        for _ in 0..<tries {
            let start = now
            try work()
            least = min(least, now - start)
        }
        return least
    }
}

/// Two things measured in turn, so that whatever else the machine does meets both.
struct Pair {
    /// Seconds of each, round by round.
    private(set) var ours: [Double] = []
    private(set) var yardstick: [Double] = []

    init(rounds: Int, ours: () throws -> Double, yardstick: () throws -> Double) rethrows {
        try self.init(rounds: rounds) {
            let seconds = try yardstick()
            return (try ours(), seconds)
        }
    }

    /// Two things that one round measures together.
    init(rounds: Int, both: () throws -> (ours: Double, yardstick: Double)) rethrows {
        for _ in 0..<max(1, rounds) {
            let round = try both()
            ours.append(round.ours)
            yardstick.append(round.yardstick)
        }
    }

    /// How many times the yardstick's rate ours is: the median over the rounds.
    var speed: Double { Self.median(zip(yardstick, ours).map { $0 / $1 }) }
    /// How many times the yardstick's cost ours is.
    var cost: Double { 1 / speed }

    var medianOurs: Double { Self.median(ours) }
    var medianYardstick: Double { Self.median(yardstick) }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }
}
