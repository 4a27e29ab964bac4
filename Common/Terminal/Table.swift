/// Columns of text, aligned. Widths count characters; names must be escaped before they come here.
package struct Table: Sendable {
    private var rows: [[String]]

    /// A table with a header.
    package init(_ header: [String]) {
        rows = [header]
    }

    /// Adds a row; missing cells are empty.
    package mutating func append(_ row: [String]) {
        rows.append(row)
    }

    /// The lines, without trailing blanks.
    package var lines: [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
