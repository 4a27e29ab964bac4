/// A word as a shell takes it, to stand in a command that an operator copies: quoted where a character of it means
/// something to a shell, and in any case harmless to a terminal.
///
/// What isn't printable text is written as bash, zsh and ksh read it (`$'\x0a'`).
package func shellQuoted(_ word: some Sequence<UInt8>) -> String {
    let bytes = Array(word)
    if !bytes.isEmpty, bytes.allSatisfy(isPlain) { return String(decoding: bytes, as: UTF8.self) }
    let text = String(decoding: bytes, as: UTF8.self)
    if escaped(bytes) == text.replacing("\\", with: "\\\\") {
        return "'" + text.replacing("'", with: "'\\''") + "'"
    }
    return "$'" + escaped(bytes).replacing("'", with: "\\'") + "'"
}

private func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: "-_./:@%+=,".utf8.contains(byte)
    }
}
