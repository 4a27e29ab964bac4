import NIOCore
import Testing

@testable import Transport

@Suite("Frames") struct FrameDecoderTests {
    private let two: [UInt8] = [0, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 1, 9]

    @Test("come out whole however the stream is cut", arguments: 1...14)
    func cut(size: Int) throws {
        var decoder = FrameDecoder(limit: 16)
        var frames: [[UInt8]] = []
        for start in stride(from: 0, to: two.count, by: size) {
            decoder.append(ByteBuffer(bytes: two[start..<min(start + size, two.count)]))
            while let frame = try decoder.next() { frames.append(Array(frame.readableBytesView)) }
        }
        #expect(frames == [[1, 2, 3], [9]])
        try decoder.finish()
    }

    @Test("may be empty") func empty() throws {
        var decoder = FrameDecoder(limit: 0)
        decoder.append(ByteBuffer(bytes: [0, 0, 0, 0, 0]))
        #expect(try decoder.next()?.readableBytes == 0)
        #expect(decoder.isEmpty)
    }

    @Test("with any flag are refused at the first byte", arguments: UInt8(1)...255)
    func flags(flags: UInt8) {
        var decoder = FrameDecoder(limit: 16)
        decoder.append(ByteBuffer(bytes: [flags]))
        #expect(throws: FrameError.flags(flags)) { try decoder.next() }
    }

    @Test("over the limit are refused at their header", arguments: [17, 1 << 20, 1 << 31, UInt32.max])
    func tooLong(length: UInt32) {
        var decoder = FrameDecoder(limit: 16)
        decoder.append(ByteBuffer(bytes: [0]))
        decoder.append(ByteBuffer(integer: length))
        #expect(throws: FrameError.tooLong(length: Int(length), limit: 16)) { try decoder.next() }
    }

    @Test("at the limit pass") func atLimit() throws {
        var decoder = FrameDecoder(limit: 16)
        decoder.append(ByteBuffer(bytes: [0, 0, 0, 0, 16] + [UInt8](repeating: 7, count: 16)))
        #expect(try decoder.next()?.readableBytes == 16)
    }

    @Test("cut off at the end are told", arguments: Array(1..<8) + Array(9..<14))
    func truncated(length: Int) throws {
        var decoder = FrameDecoder(limit: 16)
        decoder.append(ByteBuffer(bytes: two.prefix(length)))
        while try decoder.next() != nil {}
        let error = #expect(throws: FrameError.self) { try decoder.finish() }
        guard case .truncated(let needed, let received) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(received == (length < 8 ? length : length - 8))
        #expect(needed > received)
    }

    @Test("take memory as their bytes come, not as their length says") func memory() throws {
        var decoder = FrameDecoder(limit: 4 << 20)
        decoder.append(ByteBuffer(bytes: [0, 0, 0x40, 0, 0, 1]))
        #expect(try decoder.next() == nil)
        #expect(decoder.neededBytes == 5 + 4 << 20)
        #expect(decoder.capacity < 1 << 12)
        decoder.append(ByteBuffer(repeating: 1, count: 4 << 20 - 1))
        #expect(try decoder.next()?.readableBytes == 4 << 20)
        #expect(decoder.capacity == 0)
    }
}
