import Bytes

/// The outermost fields of a message, looked at before libprotobuf-c is: it merges a body that is repeated and lets the
/// last of several win, and both cost an allocation each time.
enum Envelope {
    /// The one body of a message.
    struct Body {
        /// Its field's number.
        let number: UInt64
        /// Where its bytes are.
        let range: Range<Int>
    }

    /// Refuses a message that doesn't have exactly one body.
    ///
    /// - Parameters:
    ///   - known: field numbers of the bodies, bit n for number n.
    ///   - place: the message's name, for the error.
    static func body(
        of bytes: UnsafeRawBufferPointer, known: UInt64, in place: String
    ) throws(MessageError) -> Body {
        var body: Body?
        var unknown: UInt64?
        try eachField(of: bytes, in: place) { (field, _) throws(MessageError) in
            let isKnown = field.number < 64 && known & 1 << field.number != 0
            guard field.number != 0, !isKnown || field.isBytes else { throw MessageError(.malformed, in: place) }
            guard isKnown else { return unknown = unknown ?? field.number }
            guard body == nil else { throw MessageError(.severalBodies, in: place) }
            body = Body(number: field.number, range: field.content)
        }
        guard let body else { throw MessageError(unknown.map { .unknownMessage($0) } ?? .empty, in: place) }
        return body
    }

    /// Takes a field of bytes out of a message, so that libprotobuf-c doesn't copy it.
    ///
    /// - Parameters:
    ///   - number: the field's.
    ///   - place: the message's name, for the error.
    /// - Returns: the message without it, and where its bytes are: none if it isn't there, the last ones if it is there
    ///   several times, as everywhere in protobuf.
    static func cut(
        _ number: UInt64, outOf bytes: UnsafeRawBufferPointer, in place: String
    ) throws(MessageError) -> (rest: [UInt8], content: Range<Int>) {
        var rest: [UInt8] = []
        var content = 0..<0
        try eachField(of: bytes, in: place) { field, whole in
            if field.number == number, field.isBytes { content = field.content } else { rest += bytes[whole] }
        }
        return (rest, content)
    }

    /// Reads all fields of a message, each with the range of its bytes, number and length among them.
    private static func eachField(
        of bytes: UnsafeRawBufferPointer, in place: String, _ visit: (Field, Range<Int>) throws(MessageError) -> Void
    ) throws(MessageError) {
        var reader = ByteReader(bytes.bindMemory(to: UInt8.self).span)
        while reader.remaining > 0 {
            let start = reader.offset
            let field: Field
            do { field = try reader.field() } catch { throw MessageError(.malformed, in: place) }
            try visit(field, start..<reader.offset)
        }
    }
}

/// A wire type that protobuf 3 doesn't have, or a varint over ten bytes.
private struct NotProtobuf: Error {}

extension ByteReader {
    fileprivate mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            let byte = try u8()
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw NotProtobuf()
    }

    /// Reads a field to its end.
    fileprivate mutating func field() throws -> Field {
        let tag = try varint()
        var length = 0
        switch tag & 7 {
        case 0: _ = try varint()
        case 1: length = 8
        case 2: length = Int(clamping: try varint())
        case 5: length = 4
        default: throw NotProtobuf()
        }
        _ = try span(length)
        return Field(number: tag >> 3, isBytes: tag & 7 == 2, content: offset - length..<offset)
    }
}

/// One field on the wire.
private struct Field {
    let number: UInt64
    /// Whether it is of the wire type that bytes, text and messages have.
    let isBytes: Bool
    /// Where its bytes are, without their length.
    let content: Range<Int>
}
