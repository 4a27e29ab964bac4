/// Columns of text, aligned. Widths count characters; names must be escaped before they come here.
///
/// A listing may have a hundred thousand rows: all of their text is one array of bytes.
package struct Table: Sendable {
    /// A cell as it is seen.
    struct Shown {
        let text: String
        let style: Style?
    }

    private struct Cell {
        /// Where its bytes end; they begin where those of the cell before it end.
        let end: Int
        let width: Int
        let style: Style?
    }

    private var bytes: [UInt8] = []
    private var cells: [Cell] = []
    /// Where each row's cells end.
    private var rowEnds: [Int] = []
    private(set) var widths: [Int] = []
    let rightAligned: Set<Int>

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
    package mutating func append(_ row: [String], styles: [Int: Style] = [:]) {
        for (column, text) in row.enumerated() {
            let isASCII = text.utf8.allSatisfy { $0 < 0x80 }
            let width = isASCII ? text.utf8.count : text.count
            bytes += text.utf8
            if column == widths.count { widths.append(0) }
            widths[column] = max(widths[column], width)
            cells.append(Cell(end: bytes.count, width: width, style: styles.isEmpty ? nil : styles[column]))
        }
        rowEnds.append(cells.count)
    }

    /// The lines as UTF-8, each with its newline and without trailing blanks.
    ///
    /// - Parameter width: how many columns a line may have, if its words allow that; nil for any number.
    package func text(coloured: Bool = false, width: Int? = nil) -> [UInt8] {
        var text: [UInt8] = []
        switch setting(within: width) {
        case .columns: appendColumns(coloured: coloured, to: &text)
        case .wrapped(let fitting): appendWrapped(fitting, coloured: coloured, to: &text)
        case .blocks: appendBlocks(within: width, coloured: coloured, to: &text)
        }
        return text
    }

    /// Visits the rows, the header first.
    func forEachRow(_ body: ([Shown]) -> Void) {
        var first = 0
        var start = 0
        for end in rowEnds {
            body(
                cells[first..<end].map { cell in
                    defer { start = cell.end }
                    return Shown(text: String(decoding: bytes[start..<cell.end], as: UTF8.self), style: cell.style)
                })
            first = end
        }
    }

    private func appendColumns(coloured: Bool, to text: inout [UInt8]) {
        text.reserveCapacity(rowEnds.count * widths.reduce(1) { $0 + $1 + Self.gap })
        var row = 0
        for end in rowEnds {
            append(row..<end, coloured: coloured, to: &text)
            text.append(UInt8(ascii: "\n"))
            row = end
        }
    }

    private func append(_ row: Range<Int>, coloured: Bool, to text: inout [UInt8]) {
        var owed = 0
        for (column, index) in row.enumerated() {
            let cell = cells[index]
            let padding = widths[column] - cell.width
            let isRightAligned = rightAligned.contains(column)
            let start = index > 0 ? cells[index - 1].end : 0
            if start < cell.end {
                text += repeatElement(UInt8(ascii: " "), count: owed + (isRightAligned ? padding : 0))
                append(bytes[start..<cell.end], coloured ? cell.style : nil, to: &text)
                owed = isRightAligned ? Self.gap : padding + Self.gap
            } else {
                owed += padding + Self.gap
            }
        }
    }

    private func append(_ cell: ArraySlice<UInt8>, _ style: Style?, to text: inout [UInt8]) {
        guard let style else {
            text += cell
            return
        }
        text += style.applied(to: String(decoding: cell, as: UTF8.self)).utf8
    }
}
