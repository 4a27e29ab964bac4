package import AssayCrypto
import Bytes

/// A TPM_ALG_ID. Any number is one, for a TPM may know algorithms that we don't.
///
/// Source: TCG Algorithm Registry, table 3.
package struct AlgorithmID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let rsa = AlgorithmID(rawValue: 0x0001)
    package static let sha1 = AlgorithmID(rawValue: 0x0004)
    package static let aes = AlgorithmID(rawValue: 0x0006)
    package static let sha256 = AlgorithmID(rawValue: 0x000b)
    package static let sha384 = AlgorithmID(rawValue: 0x000c)
    package static let sha512 = AlgorithmID(rawValue: 0x000d)
    /// "None", where an algorithm may be left out.
    package static let null = AlgorithmID(rawValue: 0x0010)
    package static let sm3 = AlgorithmID(rawValue: 0x0012)
    package static let rsassa = AlgorithmID(rawValue: 0x0014)
    package static let rsaes = AlgorithmID(rawValue: 0x0015)
    package static let rsapss = AlgorithmID(rawValue: 0x0016)
    package static let oaep = AlgorithmID(rawValue: 0x0017)
    package static let ecdsa = AlgorithmID(rawValue: 0x0018)
    package static let ecdh = AlgorithmID(rawValue: 0x0019)
    package static let ecdaa = AlgorithmID(rawValue: 0x001a)
    package static let sm2 = AlgorithmID(rawValue: 0x001b)
    package static let ecschnorr = AlgorithmID(rawValue: 0x001c)
    package static let ecmqv = AlgorithmID(rawValue: 0x001d)
    package static let ecc = AlgorithmID(rawValue: 0x0023)
    /// Cipher feedback, a mode.
    package static let cfb = AlgorithmID(rawValue: 0x0043)
    package static let sha3_256 = AlgorithmID(rawValue: 0x0027)
    package static let sha3_384 = AlgorithmID(rawValue: 0x0028)
    package static let sha3_512 = AlgorithmID(rawValue: 0x0029)

    /// The hash that this is; nil for anything else.
    package var hash: HashAlgorithm? {
        switch self {
        case .sha1: .sha1
        case .sha256: .sha256
        case .sha384: .sha384
        case .sha512: .sha512
        case .sm3: .sm3
        case .sha3_256: .sha3_256
        case .sha3_384: .sha3_384
        case .sha3_512: .sha3_512
        default: nil
        }
    }

    /// The way of signing that this is; nil for anything else, and for what Assay doesn't verify (ECDAA, SM2, HMAC).
    package var signatureScheme: SignatureScheme? {
        switch self {
        case .rsassa: .rsaPKCS1
        case .rsapss: .rsaPSS
        case .ecdsa: .ecdsa
        default: nil
        }
    }

    /// Such as `0x000b`.
    package var description: String {
        "0x" + withUnsafeBytes(of: rawValue.bigEndian) { Array($0).hexadecimal }
    }
}
