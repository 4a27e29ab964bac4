/// A bar that shows how much of a transfer is done. It draws nothing by itself: the caller prints `line`.
package struct ProgressBar: Sendable {
    private let width: Int
    private let drawing: Drawing

    /// A bar of so many cells.
    package init(width: Int = 32, drawing: Drawing) {
        self.width = max(1, width)
        self.drawing = drawing
    }

    /// A bar on standard output that leaves room for what stands beside it.
    ///
    /// - Parameter characters: how many these are, without the percentage.
    package init(beside characters: Int) {
        let room = Output.medium.width.map { $0 - characters - 8 } ?? .max
        self.init(width: min(32, max(8, room)), drawing: Output.medium.drawing)
    }

    /// The bar, filled to `done` of `total`, with the percentage.
    ///
    /// A total of 0 is a finished transfer.
    package func line(done: UInt64, total: UInt64) -> String {
        let share = total == 0 ? 1 : min(1, Double(done) / Double(total))
        let filled = Int((share * Double(width)).rounded(.down))
        let bar =
            String(repeating: drawing.done, count: filled) + String(repeating: drawing.open, count: width - filled)
        return bar + " " + String(Int(share * 100)) + " %"
    }
}

/// A count of bytes as a person reads it: `512 B`, `1.0 KiB`, `23.1 MiB`.
package func readableSize(_ bytes: UInt64) -> String {
    guard bytes >= 1024 else { return "\(bytes) B" }
    var tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024
    var unit = 0
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while tenths >= 10240, unit < units.count - 1 {
        tenths /= 1024
        unit += 1
    }
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

/// A count with what is counted: `1 agent`, `1,200 agents`.
///
/// - Parameter many: what several are called; nil for a mere `s` behind one.
package func counted(_ count: Int, _ one: String, _ many: String? = nil) -> String {
    "\(readableCount(UInt64(clamping: count))) \(count == 1 ? one : many ?? one + "s")"
}

/// A count with its digits in groups of three: `120,479`.
package func readableCount(_ count: UInt64) -> String {
    let digits = String(count).utf8
    guard digits.count > 3 else { return String(count) }
    var result: [UInt8] = []
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index).isMultiple(of: 3) { result.append(UInt8(ascii: ",")) }
        result.append(digit)
    }
    return String(decoding: result, as: UTF8.self)
}
