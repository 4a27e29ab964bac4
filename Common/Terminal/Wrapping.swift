/// How many columns a text takes: its characters, without what only colours it.
func displayWidth(_ text: some StringProtocol) -> Int {
    guard text.utf8.contains(0x1b) else { return text.count }
    var width = 0
    var isSequence = false
    for character in text {
        if character == "\u{1b}" { isSequence = true }
        if !isSequence { width += 1 }
        if character == "m" { isSequence = false }
    }
    return width
}

/// Behind what a line may end: sentences at blanks alone, so that a path stays whole; a cell has less room.
enum Breaks {
    case blanks
    case blanksAndSeparators

    func contains(_ character: Character) -> Bool {
        character == " " || self == .blanksAndSeparators && (character == "/" || character == ",")
    }
}

/// A text in pieces that are kept whole: a line may end behind each.
private func pieces(_ text: String, _ breaks: Breaks) -> [Substring] {
    var pieces: [Substring] = []
    var start = text.startIndex
    var index = start
    while index < text.endIndex {
        let character = text[index]
        index = text.index(after: index)
        guard breaks.contains(character), index < text.endIndex, text[index] != " " else { continue }
        pieces.append(text[start..<index])
        start = index
    }
    pieces.append(text[start...])
    return pieces
}

private func withoutTrailingBlanks(_ text: Substring) -> Substring {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
}

/// How wide a column must be for a text to need no break within its words.
func leastWidth(_ text: String) -> Int {
    pieces(text, .blanksAndSeparators).map { displayWidth(withoutTrailingBlanks($0)) }.max() ?? 0
}

/// A text in lines of at most so many columns. What is longer and may not be broken stays whole.
func wrapped(_ text: String, width: Int, behind breaks: Breaks) -> [String] {
    guard displayWidth(text) > width else { return [text] }
    var lines: [String] = []
    var line = ""
    for piece in pieces(text, breaks) {
        let bare = withoutTrailingBlanks(piece)
        if !line.isEmpty, displayWidth(line) + displayWidth(bare) > width {
            lines.append(String(withoutTrailingBlanks(line[...])))
            line = ""
        }
        line += piece
    }
    return lines + [String(withoutTrailingBlanks(line[...]))]
}

/// The lines of a text behind a prefix. What has a command of ours in it stays on one line, for somebody may copy it: a
/// terminal breaks it by itself, and copies it whole.
///
/// - Parameter width: nil for any.
func paragraph(_ prefix: String, _ text: String, width: Int?) -> [String] {
    let blanks = text.prefix { $0 == " " }
    guard blanks.isEmpty else {
        return paragraph(prefix + blanks, String(text.dropFirst(blanks.count)), width: width)
    }
    let indent = displayWidth(prefix)
    guard let width, width >= indent + 24, !text.contains("assay-") else { return [prefix + text] }
    let lines = wrapped(text, width: width - indent, behind: .blanks)
    return lines.enumerated().map { ($0.offset == 0 ? prefix : String(repeating: " ", count: indent)) + $0.element }
}
