internal import Bytes

/// An attestation key as its TPM handed it out: only that TPM can load it again, so that a copy is worth nothing.
package struct AttestationKeyBlob: Hashable, Sendable {
    /// The kind of the key, and of the endorsement key that it lives under.
    package let kind: KeyKind
    /// The public half: marshalled TPM2B_PUBLIC.
    package let publicArea: [UInt8]
    /// The private half, encrypted by the TPM: marshalled TPM2B_PRIVATE.
    package let sealedPrivate: [UInt8]

    /// Puts a key's halves together.
    package init(kind: KeyKind, publicArea: [UInt8], sealedPrivate: [UInt8]) {
        self.kind = kind
        self.publicArea = publicArea
        self.sealedPrivate = sealedPrivate
    }

    /// The key as a file holds it: `assay-ak`, version (1 byte), kind (1 byte), then each half behind its length (2
    /// bytes, big endian).
    package var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.raw(Self.magic)
        writer.u8(Self.version)
        writer.u8(kind.rawValue)
        writer.sized(by: UInt16.self, publicArea)
        writer.sized(by: UInt16.self, sealedPrivate)
        return writer.bytes
    }

    /// Reads what ``encoded`` writes.
    ///
    /// - Throws: `.malformedKey` for anything else, bytes left over among it.
    package init(encoded: [UInt8]) throws(TPMDeviceError) {
        let attempt = "reading the attestation key"
        guard encoded.starts(with: Self.magic + [Self.version]) else {
            throw TPMDeviceError(.malformedKey("unknown format or version"), in: attempt)
        }
        let kindNumber: UInt8
        do throws(ByteError) {
            var reader = ByteReader(encoded.span)
            _ = try reader.span(Self.magic.count + 1)
            kindNumber = try reader.u8()
            publicArea = try reader.sized(by: UInt16.self, limit: Self.halfLimit)
            sealedPrivate = try reader.sized(by: UInt16.self, limit: Self.halfLimit)
            try reader.finish()
        } catch {
            throw TPMDeviceError(.malformedKey("\(error)"), in: attempt)
        }
        guard let kind = KeyKind(rawValue: kindNumber) else {
            throw TPMDeviceError(.malformedKey("unknown kind \(kindNumber)"), in: attempt)
        }
        self.kind = kind
    }

    /// The longest file that can hold a key, in bytes.
    static let encodedLimit = magic.count + 2 + 2 * (2 + halfLimit)

    private static let magic = Array("assay-ak".utf8)
    private static let version: UInt8 = 1
    /// Over what tpm2-tss has room for in either half (616 and 1,614 bytes with their lengths).
    private static let halfLimit = 4096
}
