import NIOCore

/// Cuts a byte stream into frames: 1 byte flags (0), 4 bytes big-endian length, one message.
///
/// A length is checked before anything is allocated for it, and memory grows only with the bytes that really came.
struct FrameDecoder {
    /// Bytes before the message.
    static let headerLength = 5

    /// Largest message, in bytes.
    var limit: Int
    private var buffer = ByteBuffer()

    /// Starts at a frame's first byte.
    init(limit: Int) {
        self.limit = limit
    }

    /// Whether bytes of an unfinished frame, or frames not yet asked for, are held.
    var isEmpty: Bool { buffer.readableBytes == 0 }

    /// Bytes of the frame at the front, header included, as far as they are known.
    var neededBytes: Int {
        guard let length = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self) else {
            return Self.headerLength
        }
        return Self.headerLength + Int(length)
    }

    /// Takes bytes from the stream.
    mutating func append(_ bytes: ByteBuffer) {
        guard !isEmpty else {
            buffer = bytes
            return
        }
        var bytes = bytes
        buffer.discardReadBytes()
        buffer.writeBuffer(&bytes)
    }

    /// The next frame's message; nil if more bytes are needed.
    mutating func next() throws(FrameError) -> ByteBuffer? {
        guard let flags = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return nil }
        guard flags == 0 else { throw .flags(flags) }
        guard let length = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self) else { return nil }
        guard length <= limit else { throw .tooLong(length: Int(length), limit: limit) }
        guard buffer.readableBytes >= Self.headerLength + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: Self.headerLength)
        let message = buffer.readSlice(length: Int(length))
        if isEmpty { buffer = ByteBuffer() }  // an idle connection keeps no storage of a large frame
        return message
    }

    /// Ends the stream: it must end between two frames.
    func finish() throws(FrameError) {
        guard isEmpty else { throw .truncated(needed: neededBytes, received: buffer.readableBytes) }
    }
}
