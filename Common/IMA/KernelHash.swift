package import AssayCrypto

/// The kernel's numbering of hash functions, which signature headers use, and their names, which digests carry.
///
/// It has more of them than ``HashAlgorithm``: a digest of one that we cannot compute can still be compared.
/// Source: Linux, include/uapi/linux/hash_info.h; crypto/hash_info.c.
package enum KernelHash: UInt8, Hashable, Sendable {
    case md4
    case md5
    case sha1
    case rmd160
    case sha256
    case sha384
    case sha512
    case sha224
    case rmd128
    case rmd256
    case rmd320
    case wp256
    case wp384
    case wp512
    case tgr128
    case tgr160
    case tgr192
    case sm3
    case streebog256
    case streebog512
    case sha3_256
    case sha3_384
    case sha3_512

    /// The hash that a record names; nil for a name that no kernel has.
    package init?(name: Span<UInt8>) {
        if name.equals("sha256") {
            self = .sha256
            return
        }
        for value in 0...Self.sha3_512.rawValue {
            if let hash = KernelHash(rawValue: value), name.equals(hash.name) {
                self = hash
                return
            }
        }
        return nil
    }

    /// The hash of this name in ours.
    package init(_ algorithm: HashAlgorithm) {
        self =
            switch algorithm {
            case .md5: .md5
            case .sha1: .sha1
            case .sha224: .sha224
            case .sha256: .sha256
            case .sha384: .sha384
            case .sha512: .sha512
            case .rmd160: .rmd160
            case .sm3: .sm3
            case .sha3_256: .sha3_256
            case .sha3_384: .sha3_384
            case .sha3_512: .sha3_512
            }
    }

    /// The hash in ours; nil for one that Assay cannot compute.
    package var algorithm: HashAlgorithm? {
        switch self {
        case .md5: .md5
        case .sha1: .sha1
        case .rmd160: .rmd160
        case .sha256: .sha256
        case .sha384: .sha384
        case .sha512: .sha512
        case .sha224: .sha224
        case .sm3: .sm3
        case .sha3_256: .sha3_256
        case .sha3_384: .sha3_384
        case .sha3_512: .sha3_512
        case .md4, .rmd128, .rmd256, .rmd320, .wp256, .wp384, .wp512, .tgr128, .tgr160, .tgr192, .streebog256,
            .streebog512:
            nil
        }
    }

    /// The name as a record has it.
    package var name: StaticString {
        switch self {
        case .md4: "md4"
        case .md5: "md5"
        case .sha1: "sha1"
        case .rmd160: "rmd160"
        case .sha256: "sha256"
        case .sha384: "sha384"
        case .sha512: "sha512"
        case .sha224: "sha224"
        case .rmd128: "rmd128"
        case .rmd256: "rmd256"
        case .rmd320: "rmd320"
        case .wp256: "wp256"
        case .wp384: "wp384"
        case .wp512: "wp512"
        case .tgr128: "tgr128"
        case .tgr160: "tgr160"
        case .tgr192: "tgr192"
        case .sm3: "sm3"
        case .streebog256: "streebog256"
        case .streebog512: "streebog512"
        case .sha3_256: "sha3-256"
        case .sha3_384: "sha3-384"
        case .sha3_512: "sha3-512"
        }
    }

    /// Length of a digest in bytes.
    package var digestSize: Int {
        switch self {
        case .md4, .md5, .rmd128, .tgr128: 16
        case .sha1, .rmd160, .tgr160: 20
        case .tgr192: 24
        case .sha224: 28
        case .sha256, .rmd256, .wp256, .sm3, .streebog256, .sha3_256: 32
        case .rmd320: 40
        case .sha384, .wp384, .sha3_384: 48
        case .sha512, .wp512, .streebog512, .sha3_512: 64
        }
    }
}
