import CAssayProto

/// The C structures of one message while it is packed, freed together.
final class PackArena {
    private var blocks: [UnsafeMutableRawPointer] = []

    deinit {
        for block in blocks { block.deallocate() }
    }

    /// A structure, set to its defaults by its own `init` function.
    func make<Structure>(
        _ initialize: (UnsafeMutablePointer<Structure>?) -> Void
    ) -> UnsafeMutablePointer<Structure> {
        let pointer = UnsafeMutablePointer<Structure>.allocate(capacity: 1)
        blocks.append(pointer)
        initialize(pointer)
        return pointer
    }

    /// A copy of a list; nil if it's empty.
    func list<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element>? {
        guard !elements.isEmpty else { return nil }
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = buffer.initialize(from: elements)
        if let base = buffer.baseAddress { blocks.append(base) }
        return buffer.baseAddress
    }

    /// A copy of bytes.
    func bytes(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        ProtobufCBinaryData(len: bytes.count, data: list(bytes))
    }

    /// Text with the NUL behind it that C wants; one inside is written out as `\x00`, else it would hide the rest.
    func text(_ text: String) -> UnsafeMutablePointer<CChar>? {
        var characters: [CChar] = []
        for byte in text.utf8 {
            if byte == 0 {
                characters += "\\x00".utf8.map(CChar.init(bitPattern:))
            } else {
                characters.append(CChar(bitPattern: byte))
            }
        }
        return list(characters + [0])
    }
}
