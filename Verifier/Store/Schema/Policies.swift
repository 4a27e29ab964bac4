package import AssayCrypto
import Bytes

/// A policy's source or compiled form, with a digest that is compared when it is read.
struct StoredPolicy: StoredValue {
    static let layout: UInt8 = 1

    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    init(reading reader: inout ByteReader) throws {
        let digest = try reader.digest()
        bytes = try reader.array(reader.remaining)
        guard PCRBank.sha256.digest(of: bytes) == digest else { throw DamagedValue("its SHA-256 differs") }
    }

    func write(to writer: inout ByteWriter) {
        writer.digest(PCRBank.sha256.digest(of: bytes))
        writer.raw(bytes)
    }
}

/// What a policy's name stands for now.
package struct PolicyName: Hashable, Sendable {
    /// The longest name, in bytes.
    package static let limit = 255

    /// The name.
    package let name: String
    /// SHA-256 of the policy's source.
    package let contentHash: Digest
    /// When it was put, in seconds since 1970.
    package let putAt: Int64
}

extension PolicyName: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        name = try reader.text()
        contentHash = try reader.digest()
        putAt = try reader.time()
    }

    func write(to writer: inout ByteWriter) {
        writer.field(name.utf8)
        writer.digest(contentHash)
        writer.time(putAt)
    }

    /// Checks a name, and gives its key.
    static func key(_ name: String) throws(StoreError) -> [UInt8] {
        guard (1...limit).contains(name.utf8.count), escaped(name.utf8) == name else {
            throw StoreError(
                .invalidArgument,
                "a policy's name has 1 to \(limit) bytes of printable text without a backslash: \(escaped(name.utf8))")
        }
        return Array(name.utf8)
    }
}

/// A key that an operator denied, whoever brings it; or allowed again, which is kept so that what was judged without the
/// key is known to be stale.
package struct DeniedKey: Hashable, Sendable {
    /// SHA-256 of the SubjectPublicKeyInfo.
    package let keyHash: Digest
    /// When it was denied or allowed last, in seconds since 1970.
    package let changedAt: Int64
    /// Whether it is denied now.
    package var isDenied = true
    /// The deny generation that this began; nil if an older release wrote it: then any later one may be it.
    var generation: UInt64?

    /// Whether what was judged under a deny generation was judged before this.
    func isNews(since judged: UInt64, now: UInt64) -> Bool { (generation ?? now) > judged }
}

extension DeniedKey: StoredValue {
    static let layout: UInt8 = 2
    static let oldestLayout: UInt8 = 1

    init(reading reader: inout ByteReader) throws { try self.init(reading: &reader, layout: Self.layout) }

    init(reading reader: inout ByteReader, layout: UInt8) throws {
        keyHash = try reader.digest()
        changedAt = try reader.time()
        guard layout > 1 else { return }
        isDenied = try reader.flag()
        generation = try reader.optional { try $0.integer() }
    }

    func write(to writer: inout ByteWriter) {
        writer.digest(keyHash)
        writer.time(changedAt)
        writer.flag(isDenied)
        writer.optional(generation) { $0.integer($1) }
    }
}
