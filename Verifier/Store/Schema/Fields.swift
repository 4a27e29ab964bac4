import AssayCrypto
import Bytes
import TPM

// The fields that several layouts share. Integers are big endian.

/// The longest field, in bytes: what a hostile length can make us allocate.
private let fieldLimit = 16 << 20

extension ByteReader {
    /// Reads a length of 4 bytes and as many bytes.
    mutating func field() throws -> [UInt8] { try sized(by: UInt32.self, limit: fieldLimit) }

    /// Reads a field that is UTF-8.
    mutating func text() throws -> String {
        guard let text = String(validating: try field(), as: UTF8.self) else { throw DamagedValue("text isn't UTF-8") }
        return text
    }

    /// Reads a byte that is 0 or 1.
    mutating func flag() throws -> Bool {
        switch try u8() {
        case 0: false
        case 1: true
        case let byte: throw DamagedValue("a flag is \(byte)")
        }
    }

    /// Reads seconds since 1970.
    mutating func time() throws -> Int64 { Int64(bitPattern: try integer(UInt64.self)) }

    /// Reads a length of one byte and a digest.
    mutating func digest() throws -> Digest {
        guard let digest = Digest(try span(Int(u8()))) else { throw DamagedValue("a digest is over 64 bytes") }
        return digest
    }

    /// Reads a flag, and what follows if it is set.
    mutating func optional<Value>(_ read: (inout ByteReader) throws -> Value) throws -> Value? {
        try flag() ? try read(&self) : nil
    }

    /// Reads a count of 4 bytes and as many elements, each at least one byte long.
    mutating func list<Element>(_ read: (inout ByteReader) throws -> Element) throws -> [Element] {
        let count = try integer(UInt32.self)
        guard count <= remaining else { throw DamagedValue("\(count) elements in \(remaining) bytes") }
        return try (0..<count).map { _ in try read(&self) }
    }

    /// Passes over what ``field()`` reads.
    mutating func skipField() throws { _ = try span(Int(clamping: try integer(UInt32.self))) }

    /// Passes over a list.
    mutating func skipList(_ skip: (inout ByteReader) throws -> Void) throws {
        for _ in 0..<(try integer(UInt32.self)) { try skip(&self) }
    }

    /// Reads one of a closed list of words.
    mutating func word<Value: RawRepresentable<String>>(_ type: Value.Type = Value.self) throws -> Value {
        let text = try span(Int(u8())).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        guard let value = Value(rawValue: text) else { throw DamagedValue("an unknown word, \(escaped(text.utf8))") }
        return value
    }

    /// Reads a bank.
    mutating func bank() throws -> PCRBank {
        let number = try integer(UInt16.self)
        guard let bank = PCRBank(rawValue: number) else { throw DamagedValue("an unknown bank, \(number)") }
        return bank
    }
}

extension ByteWriter {
    mutating func field(_ bytes: some Collection<UInt8>) { sized(by: UInt32.self, bytes) }

    mutating func flag(_ value: Bool) { u8(value ? 1 : 0) }

    mutating func time(_ seconds: Int64) { integer(UInt64(bitPattern: seconds)) }

    mutating func digest(_ digest: Digest) { sized(by: UInt8.self, digest.bytes) }

    mutating func optional<Value>(_ value: Value?, _ write: (inout ByteWriter, Value) -> Void) {
        flag(value != nil)
        if let value { write(&self, value) }
    }

    mutating func list<Elements: Collection>(
        _ elements: Elements, _ write: (inout ByteWriter, Elements.Element) -> Void
    ) {
        integer(UInt32(clamping: elements.count))
        for element in elements { write(&self, element) }
    }

    mutating func word(_ value: some RawRepresentable<String>) { sized(by: UInt8.self, value.rawValue.utf8) }

    mutating func bank(_ bank: PCRBank) { integer(bank.rawValue) }
}
