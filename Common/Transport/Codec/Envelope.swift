import Bytes

/// The outermost fields of a message, looked at before libprotobuf-c is: it merges a body that is repeated and lets the
/// last of several win, and both cost an allocation each time.
enum Envelope {
    /// Refuses a message that doesn't have exactly one body.
    ///
    /// - Parameters:
    ///   - known: field numbers of the bodies, bit n for number n.
    ///   - place: the message's name, for the error.
    static func check(_ bytes: UnsafeRawBufferPointer, known: UInt64, in place: String) throws(MessageError) {
        var bodies = 0
        var unknown: UInt64?
        var reader = ByteReader(bytes.bindMemory(to: UInt8.self).span)
        do {
            while reader.remaining > 0 {
                let tag = try reader.varint()
                let number = tag >> 3
                let isKnown = number < 64 && known & 1 << number != 0
                guard number != 0, !isKnown || tag & 7 == 2 else { throw MessageError(.malformed, in: place) }
                if isKnown { bodies += 1 } else { unknown = unknown ?? number }
                guard bodies <= 1 else { throw MessageError(.severalBodies, in: place) }
                try reader.skip(wireType: tag & 7)
            }
        } catch let error as MessageError {
            throw error
        } catch {
            throw MessageError(.malformed, in: place)
        }
        guard bodies == 1 else {
            throw MessageError(unknown.map { .unknownMessage($0) } ?? .empty, in: place)
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

    fileprivate mutating func skip(wireType: UInt64) throws {
        switch wireType {
        case 0: _ = try varint()
        case 1: _ = try span(8)
        case 2: _ = try span(Int(clamping: try varint()))
        case 5: _ = try span(4)
        default: throw NotProtobuf()
        }
    }
}
