/// Columns of text, aligned. Widths count characters; names must be escaped before they come here.
package struct Table: Sendable {
    private struct Row {
        let cells: [String]
        let styles: [Int: Style]
        /// Then a cell is as wide as it has bytes: a listing may have a hundred thousand rows.
        let isASCII: Bool

        init(_ cells: [String], _ styles: [Int: Style]) {
            self.cells = cells
            self.styles = styles
            isASCII = cells.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } }
        }

        func width(of column: Int) -> Int { isASCII ? cells[column].utf8.count : cells[column].count }
    }

    private var rows: [Row] = []
    private var widths: [Int] = []
    private let rightAligned: Set<Int>

    /// A table with a header.
    ///
    /// - Parameter rightAligned: the columns of numbers.
    package init(_ header: [String], rightAligned: Set<Int> = []) {
        self.rightAligned = rightAligned
        append(header)
    }

    /// Adds a row; missing cells are empty.
    ///
    /// - Parameter styles: by column, where colours are shown.
    package mutating func append(_ cells: [String], styles: [Int: Style] = [:]) {
        let row = Row(cells, styles)
        for column in cells.indices {
            if column == widths.count { widths.append(0) }
            widths[column] = max(widths[column], row.width(of: column))
        }
        rows.append(row)
    }

    /// The lines, without trailing blanks and without colours.
    package var lines: [String] { lines(coloured: false) }

    /// The lines, without trailing blanks.
    package func lines(coloured: Bool) -> [String] {
        let lineWidth = widths.reduce(0) { $0 + $1 + 2 }
        return rows.map { row in
            // Bytes: for a hundred thousand rows strings would take as long as reading them from the store.
            var line: [UInt8] = []
            line.reserveCapacity(lineWidth)
            append(row, coloured ? row.styles : [:], to: &line)
            return String(decoding: line, as: UTF8.self)
        }
    }

    private func append(_ row: Row, _ styles: [Int: Style], to line: inout [UInt8]) {
        guard let last = row.cells.lastIndex(where: { !$0.isEmpty }) else { return }
        for column in 0...last {
            let cell = row.cells[column]
            let padding = repeatElement(UInt8(ascii: " "), count: widths[column] - row.width(of: column))
            if rightAligned.contains(column) { line += padding }
            line += (styles[column].map { $0.applied(to: cell) } ?? cell).utf8
            guard column < last else { return }
            if !rightAligned.contains(column) { line += padding }
            line += "  ".utf8
        }
    }
}
