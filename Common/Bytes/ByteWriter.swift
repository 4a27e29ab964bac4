/// Builds a structure of bytes, as ``ByteReader`` reads it.
package struct ByteWriter {
    /// What was written so far.
    package private(set) var bytes: [UInt8] = []

    /// Starts empty.
    package init() {}

    /// Writes one byte.
    package mutating func u8(_ value: UInt8) {
        bytes.append(value)
    }

    /// Writes an unsigned integer in its type's width.
    package mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ value: Value, _ order: ByteOrder = .big
    ) {
        number(UInt64(truncatingIfNeeded: value), width: Value.bitWidth / 8, order)
    }

    /// The loop of ``integer(_:_:)``, not generic, as in ``ByteReader``.
    private mutating func number(_ value: UInt64, width: Int, _ order: ByteOrder) {
        for index in 0..<width {
            let shift = 8 * (order == .little ? index : width - 1 - index)
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    /// Writes bytes as they are.
    package mutating func raw(_ value: some Sequence<UInt8>) {
        bytes.append(contentsOf: value)
    }

    /// Writes a length of the type's width and the bytes.
    ///
    /// - Precondition: the count fits the type; our own structures are bounded far below it.
    package mutating func sized<Length: FixedWidthInteger & UnsignedInteger>(
        by type: Length.Type, _ value: some Collection<UInt8>, _ order: ByteOrder = .big
    ) {
        integer(Length(value.count), order)
        raw(value)
    }
}
