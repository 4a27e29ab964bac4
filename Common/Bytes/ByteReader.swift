/// Why bytes could not be read: what was expected, what was there, and where.
package struct ByteError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Hashable, Sendable {
        /// More bytes were asked for than are left.
        case truncated(needed: Int, left: Int)
        /// The structure ended before its bytes did.
        case trailing(Int)
        /// A length field is larger than its limit.
        case tooLong(length: Int, limit: Int)
    }

    /// What went wrong.
    package let code: Code
    /// Bytes from the start of the structure that was being read.
    package let offset: Int

    /// Makes an error at a place.
    package init(_ code: Code, offset: Int) {
        self.code = code
        self.offset = offset
    }

    package var description: String {
        switch code {
        case .truncated(let needed, let left): "needs \(needed) bytes at offset \(offset), \(left) are left"
        case .trailing(let count): "\(count) bytes too many at offset \(offset)"
        case .tooLong(let length, let limit): "length \(length) at offset \(offset) is over the limit of \(limit)"
        }
    }
}

/// The order of the bytes of a number.
package enum ByteOrder: Hashable, Sendable {
    /// Least significant byte first, as most kernels write their measurement log.
    case little
    /// Most significant byte first, as a TPM and the network do.
    case big
}

/// The cursor that reads foreign bytes: every length is checked, nothing is copied unless asked for, nothing traps.
package struct ByteReader: ~Escapable {
    private let bytes: Span<UInt8>
    /// Bytes read so far.
    package private(set) var offset = 0

    /// Starts at the first byte.
    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
    }

    /// Bytes not read yet.
    package var remaining: Int { bytes.count - offset }

    /// Reads one byte.
    package mutating func u8() throws(ByteError) -> UInt8 {
        try need(1)
        defer { offset += 1 }
        return bytes[offset]
    }

    // One function for each width, not a generic one: callers in other modules don't see a generic function's body, and
    // would pay a call through the type's witnesses for each operator in it.

    /// Reads an unsigned integer of 2 bytes.
    package mutating func integer(
        _ type: UInt16.Type = UInt16.self, _ order: ByteOrder = .big
    ) throws(ByteError) -> UInt16 {
        UInt16(truncatingIfNeeded: try number(width: 2, order))
    }

    /// Reads an unsigned integer of 4 bytes.
    package mutating func integer(
        _ type: UInt32.Type = UInt32.self, _ order: ByteOrder = .big
    ) throws(ByteError) -> UInt32 {
        UInt32(truncatingIfNeeded: try number(width: 4, order))
    }

    /// Reads an unsigned integer of 8 bytes.
    package mutating func integer(
        _ type: UInt64.Type = UInt64.self, _ order: ByteOrder = .big
    ) throws(ByteError) -> UInt64 {
        try number(width: 8, order)
    }

    /// Reads an unsigned integer of so many bytes, at most 8.
    package mutating func number(width: Int, _ order: ByteOrder) throws(ByteError) -> UInt64 {
        try need(width)
        var value: UInt64 = 0
        for index in 0..<width {
            let position = order == .little ? width - 1 - index : index
            value = value << 8 | UInt64(bytes[offset + position])
        }
        offset += width
        return value
    }

    /// Reads `count` bytes in place.
    @_lifetime(copy self)
    package mutating func span(_ count: Int) throws(ByteError) -> Span<UInt8> {
        try need(count)
        defer { offset += count }
        return bytes.extracting(offset..<offset + count)
    }

    /// Reads `count` bytes into an array.
    package mutating func array(_ count: Int) throws(ByteError) -> [UInt8] {
        [UInt8](copying: try span(count))
    }

    /// Reads a length of one byte and as many bytes.
    ///
    /// - Parameter limit: the largest length that is allowed, checked before anything is allocated.
    package mutating func sized(by type: UInt8.Type, limit: Int) throws(ByteError) -> [UInt8] {
        try sized(width: 1, limit: limit, .big)
    }

    /// Reads a length of 2 bytes and as many bytes.
    ///
    /// - Parameter limit: the largest length that is allowed, checked before anything is allocated.
    package mutating func sized(
        by type: UInt16.Type, limit: Int, _ order: ByteOrder = .big
    ) throws(ByteError) -> [UInt8] {
        try sized(width: 2, limit: limit, order)
    }

    /// Reads a length of 4 bytes and as many bytes.
    ///
    /// - Parameter limit: the largest length that is allowed, checked before anything is allocated.
    package mutating func sized(
        by type: UInt32.Type, limit: Int, _ order: ByteOrder = .big
    ) throws(ByteError) -> [UInt8] {
        try sized(width: 4, limit: limit, order)
    }

    private mutating func sized(width: Int, limit: Int, _ order: ByteOrder) throws(ByteError) -> [UInt8] {
        let start = offset
        let length = Int(clamping: try number(width: width, order))
        guard length <= limit else { throw ByteError(.tooLong(length: length, limit: limit), offset: start) }
        return try array(length)
    }

    /// Ends the structure: bytes left over are an error.
    package func finish() throws(ByteError) {
        guard remaining == 0 else { throw ByteError(.trailing(remaining), offset: offset) }
    }

    private func need(_ count: Int) throws(ByteError) {
        guard count >= 0, count <= remaining else {
            throw ByteError(.truncated(needed: count, left: remaining), offset: offset)
        }
    }
}

extension [UInt8] {
    /// Copies the bytes of a span.
    package init(copying span: Span<UInt8>) {
        self = span.withUnsafeBufferPointer { Array($0) }
    }
}
