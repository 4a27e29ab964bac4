internal import COpenSSL

/// SHA-1 and SHA-256 over libcrypto's block functions, with the padding made here.
///
/// A replay hashes a few blocks at a time, and libcrypto's own last step (a second call to the block function, and clearing
/// the context through a function pointer) is a good part of that. Measurements are no secret: nothing need be cleared.
enum BlockHash {
    private static let blockBytes = 64

    /// Writes the 20 bytes of SHA-1.
    static func sha1(
        _ head: UnsafeRawBufferPointer, _ tail: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) {
        withUnsafeTemporaryAllocation(of: SHA_CTX.self, capacity: 1) { contexts in
            guard let context = contexts.baseAddress else { return }
            SHA1_Init(context)
            blocks(head, tail) { SHA1_Update(context, $0, $1) }
            let state = context.pointee
            store(state.h0, at: 0, output)
            store(state.h1, at: 4, output)
            store(state.h2, at: 8, output)
            store(state.h3, at: 12, output)
            store(state.h4, at: 16, output)
        }
    }

    /// Writes the 32 bytes of SHA-256.
    static func sha256(
        _ head: UnsafeRawBufferPointer, _ tail: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) {
        withUnsafeTemporaryAllocation(of: SHA256_CTX.self, capacity: 1) { contexts in
            guard let context = contexts.baseAddress else { return }
            SHA256_Init(context)
            blocks(head, tail) { SHA256_Update(context, $0, $1) }
            let state = context.pointee.h
            store(state.0, at: 0, output)
            store(state.1, at: 4, output)
            store(state.2, at: 8, output)
            store(state.3, at: 12, output)
            store(state.4, at: 16, output)
            store(state.5, at: 20, output)
            store(state.6, at: 24, output)
            store(state.7, at: 28, output)
        }
    }

    /// Hands over the message in whole blocks: those of the head in place, then the rest, a one bit, zeros and the
    /// message's length in bits (FIPS 180-4, 5.1.1).
    ///
    /// - Parameter tail: up to 64 bytes, so that the rest takes at most three blocks.
    @inline(__always)
    private static func blocks(
        _ head: UnsafeRawBufferPointer, _ tail: UnsafeRawBufferPointer, _ update: (UnsafeRawPointer?, Int) -> Int32
    ) {
        let inPlace = head.count & ~(blockBytes - 1)
        if inPlace > 0 { _ = update(head.baseAddress, inPlace) }
        let rest = head.count - inPlace
        let used = rest + tail.count
        let length = (used + 9 + blockBytes - 1) & ~(blockBytes - 1)
        var last = InlineArray<24, UInt64>(repeating: 0)
        withUnsafeMutableBytes(of: &last) { last in
            guard let start = last.baseAddress else { return }
            if rest > 0, let head = head.baseAddress { start.copyMemory(from: head + inPlace, byteCount: rest) }
            if let tail = tail.baseAddress { (start + rest).copyMemory(from: tail, byteCount: used - rest) }
            start.storeBytes(of: 0x80, toByteOffset: used, as: UInt8.self)
            let bits = UInt64(truncatingIfNeeded: head.count + tail.count) << 3
            start.storeBytes(of: bits.bigEndian, toByteOffset: length - 8, as: UInt64.self)
            _ = update(start, length)
        }
    }

    @inline(__always)
    private static func store(_ word: UInt32, at offset: Int, _ output: UnsafeMutableRawBufferPointer) {
        output.storeBytes(of: word.bigEndian, toByteOffset: offset, as: UInt32.self)
    }
}
