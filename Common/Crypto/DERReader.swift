/// Why bytes aren't the DER that they should be.
struct DERError: Error, Hashable {
    /// Bytes from the start of the structure that was being read.
    let offset: Int
}

/// The tag of an element: its class, its form and its number in one byte (X.690, 8.1.2), as for all tags below 31.
struct DERTag: Hashable {
    let byte: UInt8

    static let integer = DERTag(byte: 0x02)
    static let octetString = DERTag(byte: 0x04)
    static let objectIdentifier = DERTag(byte: 0x06)
    static let sequence = DERTag(byte: 0x30)
    static let set = DERTag(byte: 0x31)

    /// A constructed element of a structure's own numbering, 0 to 30.
    static func contextSpecific(_ number: UInt8) -> DERTag { DERTag(byte: 0xa0 | number & 0x1f) }

    /// A primitive one.
    static func primitiveContextSpecific(_ number: UInt8) -> DERTag { DERTag(byte: 0x80 | number & 0x1f) }
}

/// Walks over the elements of one level of DER in place: the few structures that libcrypto would make a copy of, with
/// allocations for each part. Depth is the caller's: it enters only what it knows.
struct DERReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var offset = 0

    /// One element.
    struct Element: ~Escapable {
        /// What is in it.
        let content: Span<UInt8>
        /// The same with tag and length.
        let whole: Span<UInt8>

        @_lifetime(copy content, copy whole)
        init(content: Span<UInt8>, whole: Span<UInt8>) {
            self.content = content
            self.whole = whole
        }
    }

    /// Starts at the first byte.
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
    }

    /// Whether every element was read.
    var isAtEnd: Bool { offset == bytes.count }

    /// Whether the next element has a tag.
    func isNext(_ tag: DERTag) -> Bool { offset < bytes.count && bytes[offset] == tag.byte }

    /// The next element.
    ///
    /// - Parameter tag: what it must be; nil for anything.
    @_lifetime(copy self)
    mutating func element(_ tag: DERTag? = nil) throws(DERError) -> Element {
        let start = offset
        guard bytes.count - start >= 2, tag.map({ bytes[start] == $0.byte }) ?? true, bytes[start] & 0x1f != 0x1f else {
            throw DERError(offset: start)
        }
        let (length, header) = try length(at: start + 1)
        let contentStart = start + 1 + header
        guard length <= bytes.count - contentStart else { throw DERError(offset: start) }
        offset = contentStart + length
        return Element(
            content: bytes.extracting(contentStart..<offset), whole: bytes.extracting(start..<offset))
    }

    /// The elements in the next one.
    @_lifetime(copy self)
    mutating func enter(_ tag: DERTag) throws(DERError) -> DERReader {
        DERReader(try element(tag).content)
    }

    /// Nothing may be left over.
    func finish() throws(DERError) {
        guard isAtEnd else { throw DERError(offset: offset) }
    }

    /// A definite length of at most four bytes (X.690, 10.1), and how many bytes tell it.
    private func length(at start: Int) throws(DERError) -> (length: Int, header: Int) {
        let first = Int(bytes[start])
        guard first >= 0x80 else { return (first, 1) }
        let count = first & 0x7f
        guard (1...4).contains(count), bytes.count - start - 1 >= count else { throw DERError(offset: start) }
        var length = 0
        for index in 1...count { length = length << 8 | Int(bytes[start + index]) }
        return (length, 1 + count)
    }
}
