import Testing

@testable import Store

/// Damage that every layout must refuse, or at least survive.
enum Hostile {
    static func refuseDamage<Value: StoredValue>(_ value: Value) throws {
        func read(_ bytes: [UInt8]) throws(StoreError) -> Value { try Value(stored: bytes.span, at: .init()) }
        let bytes = value.stored
        #expect(try read(bytes).stored == bytes)
        for count in bytes.indices {
            #expect(throws: StoreError.self) { try read(Array(bytes[..<count])) }
        }
        #expect(throws: StoreError.self) { try read(bytes + [0]) }
        #expect(throws: StoreError.self) { try read([bytes[0] ^ 0x80] + bytes.dropFirst()) }
        // Wild lengths and words: whatever is in a byte, reading ends, with a value or an error.
        for index in bytes.indices {
            for wild: UInt8 in [0x00, 0x7f, 0xff] {
                var damaged = bytes
                damaged[index] = wild
                _ = try? read(damaged)
            }
        }
    }
}
