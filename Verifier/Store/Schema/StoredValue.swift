import Bytes

/// A value of one database: a byte that says which layout follows, then fixed fields, every byte of it accounted for.
protocol StoredValue {
    /// The layout that is written.
    static var layout: UInt8 { get }
    /// The oldest layout that is still read; others are refused.
    static var oldestLayout: UInt8 { get }

    /// Reads the fields behind the layout byte.
    init(reading reader: inout ByteReader) throws
    /// Reads the fields of one of the layouts.
    init(reading reader: inout ByteReader, layout: UInt8) throws

    /// Writes the fields behind the layout byte.
    func write(to writer: inout ByteWriter)
}

extension StoredValue {
    static var oldestLayout: UInt8 { layout }

    init(reading reader: inout ByteReader, layout: UInt8) throws { try self.init(reading: &reader) }

    /// The value as it is stored.
    var stored: [UInt8] {
        var writer = ByteWriter()
        writer.u8(Self.layout)
        write(to: &writer)
        return writer.bytes
    }

    /// Reads a value back.
    ///
    /// - Throws: `damaged`, with the place, for bytes that this type didn't write.
    init(stored bytes: Span<UInt8>, at place: @autoclosure () -> StoreError.Place) throws(StoreError) {
        self = try Self.read(bytes, at: place()) { try Self(reading: &$0, layout: $1) }
    }

    /// Reads a value back as something else, such as the part of it that is wanted.
    ///
    /// - Parameter read: what takes all of the fields behind the layout byte, or passes them over.
    /// - Throws: `damaged`, with the place, for bytes that this type didn't write.
    static func read<Result>(
        _ bytes: Span<UInt8>, at place: @autoclosure () -> StoreError.Place,
        _ read: (_ reader: inout ByteReader, _ layout: UInt8) throws -> Result
    ) throws(StoreError) -> Result {
        do {
            var reader = ByteReader(bytes)
            let layout = try reader.u8()
            guard (oldestLayout...Self.layout).contains(layout) else {
                throw DamagedValue("layout \(layout) where \(Self.layout) was expected")
            }
            let result = try read(&reader, layout)
            try reader.finish()
            return result
        } catch {
            throw StoreError(.damaged, "a damaged value: \(error)", at: place())
        }
    }
}

/// Why bytes aren't a value: something other than their length.
struct DamagedValue: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension Transaction where Self: ~Copyable {
    /// Reads and checks an agent's value; nil if there is none.
    func load<Value: StoredValue>(
        _ type: Value.Type = Value.self, of agent: AgentID, in database: Database
    ) throws(StoreError) -> Value? {
        try value(of: agent.key, in: database) { (bytes) throws(StoreError) in
            try Value(stored: bytes, at: .init(database: database.name, agent: agent.bytes))
        }
    }

    /// Reads and checks one of several values of an agent's; nil if there is none.
    func load<Value: StoredValue>(
        _ type: Value.Type = Value.self, key: [UInt8], of agent: AgentID, in database: Database
    ) throws(StoreError) -> Value? {
        try value(of: key, in: database) { (bytes) throws(StoreError) in
            try Value(stored: bytes, at: .init(database: database.name, agent: agent.bytes))
        }
    }

    /// Reads and checks a value that isn't one agent's; nil if there is none.
    func load<Value: StoredValue>(
        _ type: Value.Type = Value.self, key: [UInt8], in database: Database
    ) throws(StoreError) -> Value? {
        try value(of: key, in: database) { (bytes) throws(StoreError) in
            try Value(stored: bytes, at: .init(database: database.name))
        }
    }
}
