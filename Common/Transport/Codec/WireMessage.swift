import CAssayProto
package import Messages
package import NIOCore

/// A message that a connection carries: `AgentMessage` one way, `VerifierMessage` the other.
package protocol WireMessage: Hashable, Sendable {
    /// Both sides may end the exchange with a Status.
    static func status(_ status: Status) -> Self

    /// The message's name in assay.proto, for an error that must not repeat its content.
    var kind: String { get }

    /// Reads a serialized message: every length, number and text is checked, no C memory is left.
    init(serialized bytes: UnsafeRawBufferPointer) throws(MessageError)

    /// Appends the serialized message, in one pass.
    ///
    /// - Throws: `.tooLarge`, before anything is written, if it is over the limit.
    func serialize(into buffer: inout ByteBuffer, limit: Int) throws(MessageError)
}

extension WireMessage {
    /// Reads a frame's message.
    package init(_ frame: ByteBuffer) throws(MessageError) {
        self = try frame.withUnsafeReadableBytes { bytes in
            Result { () throws(MessageError) in try Self(serialized: bytes) }
        }.get()
    }

    /// The message in its frame. The only copy of a shard's records on their way to TLS is made here.
    package func frame(limit: Int) throws(MessageError) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeRepeatingByte(0, count: FrameDecoder.headerLength)
        try serialize(into: &buffer, limit: limit)
        let length = buffer.readableBytes - FrameDecoder.headerLength
        buffer.setInteger(UInt32(clamping: length), at: buffer.readerIndex + 1)
        return buffer
    }
}

/// Unpacks a structure within its budget, lets `body` copy what it needs, and frees all of it.
func withUnpacked<Structure, Value>(
    _ bytes: UnsafeRawBufferPointer, in place: String,
    by unpack: (UnsafeMutablePointer<ProtobufCAllocator>, Int, UnsafePointer<UInt8>?) -> UnsafeMutablePointer<
        Structure
    >?,
    free: (UnsafeMutablePointer<Structure>, UnsafeMutablePointer<ProtobufCAllocator>) -> Void,
    _ body: (Structure) throws(MessageError) -> Value
) throws(MessageError) -> Value {
    var budget = UnpackBudget(frameLength: bytes.count)
    let result = withUnsafeMutablePointer(to: &budget) { budget -> Result<Value, MessageError>? in
        var allocator = UnpackBudget.allocator(over: budget)
        let unpacked = unpack(&allocator, bytes.count, bytes.bindMemory(to: UInt8.self).baseAddress)
        guard let structure = unpacked else { return nil }
        let result = Result { () throws(MessageError) in try body(structure.pointee) }
        free(structure, &allocator)
        return result
    }
    assert(budget.liveBlocks == 0, "libprotobuf-c frees what it allocated")
    guard let result else {
        let size = UnpackBudget.size(frameLength: bytes.count)
        throw MessageError(budget.isOverrun ? .overBudget(size) : .malformed, in: place)
    }
    return try result.get()
}

extension ByteBuffer {
    /// Appends a packed message, written by `pack` in place.
    mutating func write(
        packed size: Int, limit: Int, in place: String, _ pack: (UnsafeMutablePointer<UInt8>?) -> Int
    ) throws(MessageError) {
        guard size <= limit else { throw MessageError(.tooLarge(length: size, limit: limit), in: place) }
        writeWithUnsafeMutableBytes(minimumWritableBytes: size) { space in
            pack(space.bindMemory(to: UInt8.self).baseAddress)
        }
    }
}
