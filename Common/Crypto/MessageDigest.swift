internal import COpenSSL

/// libcrypto's implementation of one hash function, fetched once: a fetch for each digest costs more than the digest.
///
/// Sendable: a fetched EVP_MD is immutable and reference-counted, and these live as long as the process.
struct MessageDigest: @unchecked Sendable {
    /// An `EVP_MD *`.
    let pointer: OpaquePointer

    /// Nil if this libcrypto lacks the hash.
    init?(_ algorithm: HashAlgorithm) {
        guard let digest = Self.fetched[algorithm] else { return nil }
        self = digest
    }

    private init(pointer: OpaquePointer) {
        self.pointer = pointer
    }

    private static let fetched: [HashAlgorithm: MessageDigest] = {
        var fetched: [HashAlgorithm: MessageDigest] = [:]
        for algorithm in HashAlgorithm.allCases {
            fetched[algorithm] = EVP_MD_fetch(nil, algorithm.libcryptoName, nil).map(MessageDigest.init(pointer:))
        }
        ERR_clear_error()
        return fetched
    }()
}

extension HashAlgorithm {
    /// The name that EVP_MD_fetch knows.
    fileprivate var libcryptoName: String {
        switch self {
        case .md5: "MD5"
        case .sha1: "SHA1"
        case .sha224: "SHA2-224"
        case .sha256: "SHA2-256"
        case .sha384: "SHA2-384"
        case .sha512: "SHA2-512"
        case .rmd160: "RIPEMD160"
        case .sm3: "SM3"
        case .sha3_256: "SHA3-256"
        case .sha3_384: "SHA3-384"
        case .sha3_512: "SHA3-512"
        }
    }
}
