import COpenSSL
import NIOCore

/// The socket that libssl sees: two byte buffers, filled and emptied by the channel's handler.
///
/// A memory BIO would do the same with one more copy each way. Confined to its connection's event loop.
final class ByteBufferBIO {
    /// From the network, not yet read by libssl.
    private var inbound = ByteBuffer()
    /// From libssl, not yet given to the network.
    private var outbound = ByteBuffer()

    /// A new BIO that reads and writes these buffers. It points to this object without retaining it: whoever owns
    /// both frees the BIO first.
    func makeBIO() -> OpaquePointer? {
        guard let bio = BIO_new(Self.method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }

    /// Bytes from the network that libssl hasn't read.
    var inboundCount: Int { inbound.readableBytes }

    /// Takes bytes from the network.
    func receive(_ bytes: ByteBuffer) {
        guard inbound.readableBytes > 0 else {
            inbound = bytes
            return
        }
        var bytes = bytes
        inbound.discardReadBytes()
        inbound.writeBuffer(&bytes)
    }

    /// Gives what libssl wrote since the last time; nil if nothing.
    func takeOutput() -> ByteBuffer? {
        guard outbound.readableBytes > 0 else { return nil }
        defer { outbound = ByteBuffer() }
        return outbound
    }

    /// Makes room for `bytes` of ciphertext, so that a large message doesn't grow it step by step.
    func reserveOutput(_ bytes: Int) {
        outbound.reserveCapacity(minimumWritableBytes: bytes)
    }

    private func read(into target: UnsafeMutableRawPointer, _ limit: Int) -> Int {
        let count = inbound.readWithUnsafeReadableBytes { bytes in
            let count = min(limit, bytes.count)
            if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: count) }
            return count
        }
        if inbound.readableBytes == 0 { inbound = ByteBuffer() }  // an idle connection keeps no storage
        return count
    }

    /// One table for all connections; written once here, then only read.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ByteBuffer")
        BIO_meth_set_read_ex(method) { bio, target, limit, count in
            BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
            guard let owner = ByteBufferBIO.owner(of: bio), let target, let count else { return 0 }
            count.pointee = owner.read(into: target, limit)
            guard count.pointee == 0 else { return 1 }
            BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
            return 0
        }
        BIO_meth_set_write_ex(method) { bio, source, length, count in
            BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
            guard let owner = ByteBufferBIO.owner(of: bio), let source, let count else { return 0 }
            count.pointee = owner.outbound.writeBytes(UnsafeRawBufferPointer(start: source, count: length))
            return 1
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return method
    }()

    private static func owner(of bio: OpaquePointer?) -> ByteBufferBIO? {
        BIO_get_data(bio).map { Unmanaged<ByteBufferBIO>.fromOpaque($0).takeUnretainedValue() }
    }
}
