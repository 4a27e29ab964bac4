import Foundation

/// One row of the table: a ratio, and what it should be.
struct Row {
    /// What a ratio is held to.
    enum Bound {
        /// A rate, compared with the yardstick's.
        case atLeast(must: Double, aim: Double)
        /// A cost, compared with the yardstick's.
        case atMost(must: Double, aim: Double)
        /// Told only.
        case told

        func holds(_ value: Double, _ choose: (Double, Double) -> Double) -> Bool {
            switch self {
            case .atLeast(let must, let aim): value >= choose(must, aim)
            case .atMost(let must, let aim): value <= choose(must, aim)
            case .told: true
            }
        }
    }

    let work: String
    let value: Double
    /// Such as " MiB"; a ratio has none.
    var unit = ""
    let bound: Bound
    /// The number on each side, for people.
    let ours: String
    let yardstick: String

    var cells: [String] {
        let number = String(format: "%.2f", value) + unit
        switch bound {
        case .atLeast(let must, let aim): return [work, number, "≥ \(must)", "≥ \(aim)", word, ours, yardstick]
        case .atMost(let must, let aim): return [work, number, "≤ \(must)", "≤ \(aim)", word, ours, yardstick]
        case .told: return [work, number, "", "", "", ours, yardstick]
        }
    }

    private var word: String {
        if bound.holds(value, { $1 }) { return "aim" }
        return bound.holds(value, { must, _ in must }) ? "must" : "MISSED"
    }
}
