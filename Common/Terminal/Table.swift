/// Columns of text, aligned. Widths count characters; names must be escaped before they come here.
package struct Table: Sendable {
    private var rows: [[String]]
    private var styles: [[Int: Style]] = [[:]]
    private let rightAligned: Set<Int>

    /// A table with a header.
    ///
    /// - Parameter rightAligned: the columns of numbers.
    package init(_ header: [String], rightAligned: Set<Int> = []) {
        rows = [header]
        self.rightAligned = rightAligned
    }

    /// Adds a row; missing cells are empty.
    ///
    /// - Parameter styles: by column, where colours are shown.
    package mutating func append(_ row: [String], styles: [Int: Style] = [:]) {
        rows.append(row)
        self.styles.append(styles)
    }

    /// The lines, without trailing blanks and without colours.
    package var lines: [String] { lines(coloured: false) }

    /// The lines, without trailing blanks.
    package func lines(coloured: Bool) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        var widths = [Int](repeating: 0, count: columns)
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], width(of: cell)) }
        }
        let lineWidth = widths.reduce(0) { $0 + $1 + 2 }
        return zip(rows, styles).map { row, styles in
            // Bytes: for a hundred thousand rows strings would take as long as reading them from the store.
            var line: [UInt8] = []
            line.reserveCapacity(lineWidth)
            append(row, coloured ? styles : [:], widths, to: &line)
            return String(decoding: line, as: UTF8.self)
        }
    }

    private func append(_ row: [String], _ styles: [Int: Style], _ widths: [Int], to line: inout [UInt8]) {
        guard let last = row.lastIndex(where: { !$0.isEmpty }) else { return }
        for column in 0...last {
            let cell = row[column]
            let padding = repeatElement(UInt8(ascii: " "), count: widths[column] - width(of: cell))
            if rightAligned.contains(column) { line += padding }
            line += (styles[column].map { $0.applied(to: cell) } ?? cell).utf8
            guard column < last else { return }
            if !rightAligned.contains(column) { line += padding }
            line += "  ".utf8
        }
    }

    /// ASCII is counted by bytes: a listing may have a hundred thousand rows.
    private func width(of cell: String) -> Int {
        cell.utf8.allSatisfy { $0 < 0x80 } ? cell.utf8.count : cell.count
    }
}
