/// Shows bytes that a host chose (a path, a keyring's name) so that they cannot act on a terminal, a log or a reader.
///
/// What is printable UTF-8 stays; a backslash becomes `\\`, a newline `\n`, a tab `\t`, every other byte `\xHH`. The
/// result reads back to the same bytes. Printable leaves out control characters, and the format characters that
/// reorder or hide text.
package func escaped(_ bytes: some Sequence<UInt8>) -> String {
    let bytes = Array(bytes)
    // Most names are plain: a listing of a large fleet has hundreds of thousands.
    if bytes.allSatisfy({ (0x20...0x7e).contains($0) && $0 != UInt8(ascii: "\\") }) {
        return String(decoding: bytes, as: UTF8.self)
    }
    var result = ""
    var index = 0
    while index < bytes.count {
        let length = scalarLength(bytes, at: index)
        guard length > 0, let scalar = scalar(bytes[index..<index + length]), isPrintable(scalar) else {
            result += escapedByte(bytes[index])
            index += 1
            continue
        }
        result += scalar == "\\" ? "\\\\" : String(Character(scalar))
        index += length
    }
    return result
}

/// How many bytes are kept of a text that a peer wrote.
package let peerTextLimit = 1024

/// Shows text that somebody else wrote (a peer's Status, a finding's words) so that it cannot act on a terminal, a log or
/// a reader, nor fill them: what isn't printable becomes what ``escaped(_:)`` makes of it, and a text of more than `limit`
/// bytes is cut and ends in `...`.
///
/// A backslash stays one, for names within such a text are escaped already: so the text doesn't change any more, however
/// often it is handed on.
package func escaped(text: String, limit: Int = peerTextLimit) -> String {
    let isPlain = text.utf8.allSatisfy { (0x20...0x7e).contains($0) }
    if isPlain, text.utf8.count <= limit { return text }
    let end = "..."
    var result = ""
    var kept = 0  // bytes of `result` that leave room for the end
    for scalar in text.unicodeScalars {
        if isPrintable(scalar) {
            result.unicodeScalars.append(scalar)
        } else {
            for byte in String(scalar).utf8 { result += escapedByte(byte) }
        }
        if result.utf8.count <= limit - end.utf8.count { kept = result.utf8.count }
        if result.utf8.count > limit { return String(decoding: result.utf8.prefix(kept), as: UTF8.self) + end }
    }
    return result
}

private func escapedByte(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "\n"): "\\n"
    case UInt8(ascii: "\t"): "\\t"
    default: "\\x" + CollectionOfOne(byte).hexadecimal
    }
}

/// How many bytes the first byte promises; 0 if it cannot begin a scalar or too few bytes are left.
private func scalarLength(_ bytes: [UInt8], at index: Int) -> Int {
    let length =
        switch bytes[index] {
        case 0x00...0x7f: 1
        case 0xc2...0xdf: 2
        case 0xe0...0xef: 3
        case 0xf0...0xf4: 4
        default: 0
        }
    return index + length <= bytes.count ? length : 0
}

private func scalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    return text.unicodeScalars.first
}

private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
}

/// The bytes that ``escaped(_:)`` made the text of; nil for a text that it doesn't make.
package func unescaped(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "\\") else {
            bytes.append(byte)
            continue
        }
        switch rest.popFirst() {
        case UInt8(ascii: "\\"): bytes.append(byte)
        case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
        case UInt8(ascii: "t"): bytes.append(UInt8(ascii: "\t"))
        case UInt8(ascii: "x"):
            guard let value = [UInt8](hexadecimal: String(decoding: rest.prefix(2), as: UTF8.self)), value.count == 1
            else { return nil }
            bytes += value
            rest = rest.dropFirst(2)
        default: return nil
        }
    }
    return bytes
}
