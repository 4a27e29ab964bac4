// How a table fits a terminal that is narrower: first its columns become narrower, and cells take several lines; where no
// word may be broken for that, each row becomes a block with a line for each cell.

extension Table {
    /// Between columns.
    static let gap = 2

    /// How a table is set.
    enum Setting {
        /// In columns that are as wide as their cells.
        case columns
        /// In columns of these widths, in which cells take several lines.
        case wrapped([Int])
        /// Each row as a block.
        case blocks
    }

    func setting(within width: Int?) -> Setting {
        let gaps = Self.gap * max(0, widths.count - 1)
        guard let width, widths.reduce(gaps, +) > width else { return .columns }
        let least = leastWidths
        var fitting = widths
        var excess = widths.reduce(gaps, +) - width
        while excess > 0 {
            let candidates = fitting.indices.filter { fitting[$0] > least[$0] }
            guard let widest = candidates.max(by: { fitting[$0] < fitting[$1] }) else { return .blocks }
            fitting[widest] -= 1
            excess -= 1
        }
        return .wrapped(fitting)
    }

    /// How narrow each column can be.
    private var leastWidths: [Int] {
        var least = [Int](repeating: 0, count: widths.count)
        forEachRow { cells in
            for (column, cell) in cells.enumerated() { least[column] = max(least[column], leastWidth(cell.text)) }
        }
        // A column of a few letters is no help to anybody.
        return zip(least, widths).map { min(max($0, 8), $1) }
    }

    func appendWrapped(_ fitting: [Int], coloured: Bool, to text: inout [UInt8]) {
        forEachRow { cells in
            let lines = cells.enumerated().map {
                wrapped($0.element.text, width: fitting[$0.offset], behind: .blanksAndSeparators)
            }
            for number in 0..<(lines.map(\.count).max() ?? 0) {
                var line = ""
                var width = 0
                for (column, cell) in cells.enumerated() where number < lines[column].count {
                    let part = lines[column][number]
                    guard !part.isEmpty else { continue }
                    let left = fitting[..<column].reduce(Self.gap * column, +)
                    let start = left + (rightAligned.contains(column) ? fitting[column] - part.count : 0)
                    line += String(repeating: " ", count: max(0, start - width))
                    line += coloured ? cell.style?.applied(to: part) ?? part : part
                    width = start + part.count
                }
                text += line.utf8
                text.append(UInt8(ascii: "\n"))
            }
        }
    }

    func appendBlocks(within width: Int?, coloured: Bool, to text: inout [UInt8]) {
        var header: [String]?
        forEachRow { cells in
            guard let names = header else { return header = cells.map(\.text) }
            let label = (names.map(\.count).max() ?? 0) + Self.gap
            if !text.isEmpty { text.append(UInt8(ascii: "\n")) }
            for (name, cell) in zip(names, cells) where !cell.text.isEmpty {
                let prefix = name + String(repeating: " ", count: label - name.count)
                for line in paragraph(prefix, cell.text, width: width) {
                    let value = line.dropFirst(label)
                    text += line.prefix(label).utf8
                    text += (coloured ? cell.style?.applied(to: String(value)) ?? String(value) : String(value)).utf8
                    text.append(UInt8(ascii: "\n"))
                }
            }
        }
    }
}
