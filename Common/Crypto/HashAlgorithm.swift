/// The hash functions that a measurement log, a TPM or a signature may name.
///
/// Names are the kernel's (crypto/hash_info.c, `hash_algo_name`).
package enum HashAlgorithm: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    case md5
    case sha1
    case sha224
    case sha256
    case sha384
    case sha512
    case rmd160
    case sm3
    case sha3_256 = "sha3-256"
    case sha3_384 = "sha3-384"
    case sha3_512 = "sha3-512"

    /// The name as the kernel writes it in a log.
    package var description: String { rawValue }

    /// Length of a digest in bytes.
    package var digestSize: Int {
        switch self {
        case .md5: 16
        case .sha1, .rmd160: 20
        case .sha224: 28
        case .sha256, .sm3, .sha3_256: 32
        case .sha384, .sha3_384: 48
        case .sha512, .sha3_512: 64
        }
    }
}

/// The hash of a PCR bank that Assay can replay: the kernel extends each active bank with its own digest of a record.
///
/// Source: TCG Algorithm Registry, table 3 (TPM_ALG_ID).
package enum PCRBank: UInt16, CaseIterable, Hashable, Sendable, Comparable, CustomStringConvertible {
    case sha1 = 0x0004
    case sha256 = 0x000b
    case sha384 = 0x000c
    case sha512 = 0x000d

    /// The bank's hash function.
    package var algorithm: HashAlgorithm {
        switch self {
        case .sha1: .sha1
        case .sha256: .sha256
        case .sha384: .sha384
        case .sha512: .sha512
        }
    }

    /// Length of a PCR value in bytes.
    @inlinable
    package var digestSize: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// The hash's name, such as `sha256`.
    package var description: String { algorithm.rawValue }

    /// The bank whose hash has this name.
    package init?(name: String) {
        guard let bank = Self.allCases.first(where: { $0.algorithm.rawValue == name }) else { return nil }
        self = bank
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
