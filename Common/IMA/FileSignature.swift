package import AssayCrypto
import Bytes

/// A signature as security.ima or security.evm holds it: the content of a record's `sig` field.
///
/// Source: Linux, security/integrity/integrity.h, `struct signature_v2_hdr` and `struct ima_file_id`;
/// security/integrity/digsig_asymmetric.c, `asymmetric_verify_v3`.
package struct FileSignature: Hashable, Sendable {
    /// What is signed.
    package enum Kind: UInt8, Hashable, Sendable {
        /// The file's digest (EVM_IMA_XATTR_DIGSIG).
        case file = 3
        /// The file's metadata and the content of its security.ima (EVM_XATTR_PORTABLE_DIGSIG).
        case portableEVM = 5
        /// The file's fs-verity digest (IMA_VERITY_DIGSIG).
        case verity = 6
    }

    /// How the digest is signed.
    package enum Version: UInt8, Hashable, Sendable {
        /// The digest itself.
        case two = 2
        /// The digest with its kind and hash in front, hashed again: a signature of one kind is none of another. Kernels take
        /// it for fs-verity digests from 5.19 on, for files and their metadata from 7.1 on; ML-DSA, which hashes nothing
        /// before it signs, has no other (7.2).
        case three = 3
    }

    /// Why a blob is no signature.
    package enum Malformed: Error, Hashable, Sendable, CustomStringConvertible {
        /// Shorter than its header of nine bytes.
        case tooShort(Int)
        /// A first byte that is no kind of signature.
        case kind(UInt8)
        /// A version other than two and three.
        case version(UInt8)
        /// A hash number that no kernel has.
        case hashAlgorithm(UInt8)
        /// The length in the header is not that of what follows.
        case length(stated: Int, actual: Int)

        package var description: String {
            switch self {
            case .tooShort(let count): "too short: \(count) bytes, the header alone has \(FileSignature.headerBytes)"
            case .kind(let type): "type \(type) is no signature"
            case .version(let version): "version \(version)"
            case .hashAlgorithm(let number): "hash algorithm \(number)"
            case .length(let stated, let actual):
                "\(actual < stated ? "cut short" : "length"): \(stated) bytes are stated, \(actual) are there"
            }
        }
    }

    /// Length of the header: type, version, hash, four bytes of key id, two of length.
    package static let headerBytes = 9

    /// What is signed.
    package let kind: Kind
    /// How it is signed.
    package let version: Version
    /// The hash that the signature names; a record's digest must be of the same.
    package let hash: KernelHash
    /// The signing key's id.
    package let keyID: KeyID
    /// Where the signature proper stands: PKCS#1 v1.5 for RSA, DER for ECDSA, the bare bytes for ML-DSA.
    package private(set) var signature: Range<Int>

    /// Reads the header of a signature.
    ///
    /// - Parameters:
    ///   - bytes: what the record was read from.
    ///   - range: the record's `sig` field; not empty.
    package init(_ bytes: Span<UInt8>, at range: Range<Int>) throws(Malformed) {
        let blob = bytes.extracting(range)
        guard let type = blob.isEmpty ? nil : blob[0], blob.count >= Self.headerBytes else {
            throw .tooShort(blob.count)
        }
        guard let kind = Kind(rawValue: type) else { throw .kind(type) }
        guard let version = Version(rawValue: blob[1]) else { throw .version(blob[1]) }
        guard let hash = KernelHash(rawValue: blob[2]) else { throw .hashAlgorithm(blob[2]) }
        let stated = Int(blob[7]) << 8 | Int(blob[8])
        let actual = blob.count - Self.headerBytes
        guard stated == actual, actual > 0 else { throw .length(stated: stated, actual: actual) }
        self.kind = kind
        self.version = version
        self.hash = hash
        keyID = KeyID(blob.u32(at: 3, .big))
        signature = range.lowerBound + Self.headerBytes..<range.upperBound
    }

    /// The same signature, copied elsewhere.
    ///
    /// - Parameter distance: where a byte stands in the copy, less where it stood.
    package func moved(by distance: Int) -> FileSignature {
        var moved = self
        moved.signature = signature.moved(by: distance)
        return moved
    }

    /// The parameter set whose signatures are as long as this one; nil if none's are. No RSA key in use and no ECDSA
    /// signature is that long.
    package var likelySet: MLDSA? { version == .three ? MLDSA(signatureBytes: signature.count) : nil }

    /// Whether this is what evmctl before its support of ML-DSA (1.6.2 and older) leaves when it is given such a key: libcrypto
    /// doesn't sign into its buffer of 1,024 bytes, and it keeps what the memory held.
    package var isLeftByOldEvmctl: Bool { version == .two && signature.count == 1024 - Self.headerBytes }

    /// What the signature is over, to be given to a key's verification as the digest.
    ///
    /// - Parameter fileDigest: the record's own digest (for a portable EVM signature: the digest over the metadata),
    ///   made by ``hash``.
    /// - Throws: ``CryptoError`` where this libcrypto lacks the hash that version 3 needs.
    package func signedDigest(for fileDigest: Span<UInt8>) throws(CryptoError) -> Digest? {
        switch version {
        case .two: return Digest(fileDigest)
        case .three: return try hash.algorithm?.digest(of: fileID(for: fileDigest))
        }
    }

    /// What a version 3 signature is made for, before any hashing: `struct ima_file_id`, the kind, the hash's number, and the
    /// digest in its real length, not in the 64 bytes that the structure has room for.
    ///
    /// ML-DSA, in pure mode and with an empty context, signs this; there the hash is that of the digest alone. The kernel
    /// writes the number of the file's own hash into it, which the header's must be (``hash``).
    package func fileID(for fileDigest: Span<UInt8>) -> [UInt8] {
        [kind.rawValue, hash.rawValue] + [UInt8](copying: fileDigest)
    }
}
