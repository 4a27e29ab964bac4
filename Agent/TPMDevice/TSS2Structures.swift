internal import CTSS2

/// A TPM2B_*: a length, and a buffer of fixed size with as many bytes in it.
protocol SizedBuffer {
    init()
    var size: UInt16 { get set }
}

extension SizedBuffer {
    /// The buffer follows the length without a gap, in each of these structures.
    private static var bufferOffset: Int { MemoryLayout<UInt16>.size }

    /// Bytes that fit.
    static var capacity: Int { MemoryLayout<Self>.size - bufferOffset }

    /// Copies bytes in.
    init(_ bytes: [UInt8], for call: String) throws(TPMDeviceError) {
        guard bytes.count <= Self.capacity else {
            throw TPMDeviceError(.tooLong(count: bytes.count, limit: Self.capacity), in: call)
        }
        self.init()
        size = UInt16(bytes.count)
        withUnsafeMutableBytes(of: &self) { structure in
            UnsafeMutableRawBufferPointer(rebasing: structure[Self.bufferOffset...]).copyBytes(from: bytes)
        }
    }

    /// The bytes; a length over the buffer's own is cut to it.
    var bytes: [UInt8] {
        let count = min(Int(size), Self.capacity)
        return withUnsafeBytes(of: self) { Array($0[Self.bufferOffset..<Self.bufferOffset + count]) }
    }
}

extension TPM2B_ATTEST: SizedBuffer {}
extension TPM2B_DATA: SizedBuffer {}
extension TPM2B_DIGEST: SizedBuffer {}
extension TPM2B_ENCRYPTED_SECRET: SizedBuffer {}
extension TPM2B_ID_OBJECT: SizedBuffer {}
extension TPM2B_MAX_NV_BUFFER: SizedBuffer {}
extension TPM2B_PRIVATE: SizedBuffer {}

/// The first `count` elements of a C array, which Swift sees as a tuple; a count over the array's own is cut to it.
func elements<Tuple, Element>(_ type: Element.Type, of tuple: Tuple, count: UInt32) -> [Element] {
    withUnsafeBytes(of: tuple) { Array($0.bindMemory(to: type).prefix(Int(count))) }
}

/// Writes the first elements of a C array; those that don't fit are left out.
func setElements<Tuple, Element>(_ elements: [Element], of tuple: inout Tuple) {
    withUnsafeMutableBytes(of: &tuple) { bytes in
        let array = bytes.bindMemory(to: Element.self)
        for (index, element) in zip(array.indices, elements) { array[index] = element }
    }
}

/// Writes a structure as a TPM sends it, with one of tpm2-tss's marshalling functions.
func marshal<Value>(
    _ value: Value, _ call: String,
    with function: (UnsafePointer<Value>?, UnsafeMutablePointer<UInt8>?, Int, UnsafeMutablePointer<Int>?) -> TSS2_RC
) throws(TPMDeviceError) -> [UInt8] {
    // No structure is longer on the wire than in memory, where each of its fields has a place of its own.
    var bytes = [UInt8](repeating: 0, count: MemoryLayout<Value>.size)
    var count = 0
    let code = withUnsafePointer(to: value) { function($0, &bytes, bytes.count, &count) }
    try check(call, code)
    return Array(bytes.prefix(count))
}

/// Reads what ``marshal(_:_:with:)`` writes; nil for anything else, and for bytes left over.
func unmarshal<Value>(
    _ bytes: [UInt8], into value: Value,
    with function: (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<Int>?, UnsafeMutablePointer<Value>?) -> TSS2_RC
) -> Value? {
    var value = value
    var offset = 0
    guard function(bytes, bytes.count, &offset, &value) == TSS2_RC_SUCCESS, offset == bytes.count else { return nil }
    return value
}

extension TPM2B_PUBLIC {
    /// The bytes as a TPM sends them.
    func marshalled() throws(TPMDeviceError) -> [UInt8] {
        try marshal(self, "Tss2_MU_TPM2B_PUBLIC_Marshal", with: Tss2_MU_TPM2B_PUBLIC_Marshal)
    }

    /// Reads what ``marshalled()`` writes; nil for anything else.
    init?(marshalled bytes: [UInt8]) {
        guard let value = unmarshal(bytes, into: Self(), with: Tss2_MU_TPM2B_PUBLIC_Unmarshal) else { return nil }
        self = value
    }
}

extension TPM2B_PRIVATE {
    /// The bytes as a TPM sends them.
    func marshalled() throws(TPMDeviceError) -> [UInt8] {
        try marshal(self, "Tss2_MU_TPM2B_PRIVATE_Marshal", with: Tss2_MU_TPM2B_PRIVATE_Marshal)
    }

    /// Reads what ``marshalled()`` writes; nil for anything else.
    init?(marshalled bytes: [UInt8]) {
        guard let value = unmarshal(bytes, into: Self(), with: Tss2_MU_TPM2B_PRIVATE_Unmarshal) else { return nil }
        self = value
    }
}
