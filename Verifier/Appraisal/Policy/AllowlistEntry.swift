internal import Bytes

/// A digest and a path, as sha1sum's family prints them.
///
/// Either the digest, two blanks (or a blank and `*`) and the path, or, with `--tag`, `SHA256 (path) = digest`. A backslash in
/// front says that backslashes, newlines and carriage returns of the path are escaped.
struct AllowlistEntry {
    /// Why a line is none, as a clause.
    struct Problem: Error {
        let text: String
    }

    let digest: [UInt8]
    /// As the kernel logs it: `_` for a blank, or nothing could ever match.
    let path: [UInt8]

    /// - Parameter isZeroTerminated: whether a NUL ended it; then nothing is escaped, and a carriage return is the path's.
    init(_ line: ArraySlice<UInt8>, isZeroTerminated: Bool) throws(Problem) {
        let isEscaped = !isZeroTerminated && line.first == UInt8(ascii: "\\")
        var line = line.dropFirst(isEscaped ? 1 : 0)
        while !isZeroTerminated, line.last == 0x0d { line = line.dropLast() }
        guard let (digest, name) = try Self.tagged(line) ?? Self.untagged(line), !name.isEmpty else {
            throw Problem(text: "a digest and a path are expected, as sha256sum prints them")
        }
        let path = isEscaped ? try Self.unescaped(name) : Array(name)
        guard String(validating: path, as: UTF8.self) != nil else {
            throw Problem(text: "the path isn't UTF-8, and JSON can't hold it; exclude it, or sign the file")
        }
        self.digest = digest
        self.path = path.map { $0 == 0x20 ? UInt8(ascii: "_") : $0 }
    }

    private typealias Parts = (digest: [UInt8], name: ArraySlice<UInt8>)

    private static func untagged(_ line: ArraySlice<UInt8>) -> Parts? {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let parts = line.split(maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: isBlank)
        guard parts.count == 2, let digest = digest(parts[0]) else { return nil }
        let name = parts[1].drop(while: isBlank)
        return (digest, name.starts(with: "*/".utf8) ? name.dropFirst() : name)
    }

    /// The hashes that a tag names, and their digests' sizes in bytes.
    private static let tags = ["SHA1": 20, "SHA224": 28, "SHA256": 32, "SHA384": 48, "SHA512": 64, "SM3": 32]

    /// Nil for a line that isn't tagged.
    private static func tagged(_ line: ArraySlice<UInt8>) throws(Problem) -> Parts? {
        guard let blank = line.firstIndex(of: 0x20), line[blank...].starts(with: " (".utf8),
            digest(line[..<blank]) == nil
        else { return nil }
        let (opening, closing) = (blank + 2, Array(") = ".utf8))
        guard let digits = line.lastIndex(of: 0x20).map({ $0 + 1 }), digits - closing.count >= opening,
            line[..<digits].suffix(closing.count).elementsEqual(closing), let digest = digest(line[digits...])
        else { return nil }
        let tag = String(decoding: line[..<blank], as: UTF8.self)
        guard tags[tag] == digest.count else {
            throw Problem(
                text:
                    "\"\(escaped(tag.utf8))\" is no tag of a digest of \(digest.count) bytes; those that are read are "
                    + tags.keys.sorted().joined(separator: ", "))
        }
        return (digest, line[opening..<digits - closing.count])
    }

    private static func digest(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        guard let digest = [UInt8](hexadecimal: digits), (20...64).contains(digest.count) else { return nil }
        return digest
    }

    private static func unescaped(_ name: ArraySlice<UInt8>) throws(Problem) -> [UInt8] {
        var path: [UInt8] = []
        var rest = name
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                path.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\\"): path.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "n"): path.append(0x0a)
            case UInt8(ascii: "r"): path.append(0x0d)
            case let other:
                let shown = other.map { escaped([$0]) } ?? ""
                throw Problem(text: "\"\\\(shown)\" is no escape of sha256sum: \"\\\\\", \"\\n\" and \"\\r\" are")
            }
        }
        return path
    }
}
