internal import Bytes
internal import COpenSSL

/// The parameter sets of ML-DSA (FIPS 204, 4), under libcrypto's names for them. OpenSSL has them from 3.5 on.
package enum MLDSA: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    case mlDSA44 = "ML-DSA-44"
    case mlDSA65 = "ML-DSA-65"
    case mlDSA87 = "ML-DSA-87"

    /// The name, such as `ML-DSA-65`.
    package var description: String { rawValue }

    /// The set whose signatures have a length; nil for a length that none has.
    package init?(signatureBytes count: Int) {
        guard let set = Self.allCases.first(where: { $0.signatureBytes == count }) else { return nil }
        self = set
    }

    /// The set that a SubjectPublicKeyInfo names, whether libcrypto knows it or not; nil for other keys and other bytes.
    package init?(subjectPublicKeyInfo bytes: [UInt8]) {
        do throws(DERError) {
            var file = DERReader(bytes.span)
            var info = try file.enter(.sequence)
            var algorithm = try info.enter(.sequence)
            self.init(objectIdentifier: [UInt8](copying: try algorithm.element(.objectIdentifier).content))
        } catch {
            return nil
        }
    }

    /// The set of an OBJECT IDENTIFIER, which keys and signatures share (RFC 9881, 2).
    ///
    /// - Parameter content: without tag and length.
    init?(objectIdentifier content: [UInt8]) {
        // 2.16.840.1.101.3.4.3, NIST's signature algorithms.
        guard content.dropLast() == [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03] else { return nil }
        switch content.last {
        case 17: self = .mlDSA44
        case 18: self = .mlDSA65
        case 19: self = .mlDSA87
        default: return nil
        }
    }

    /// Length of a signature in bytes (FIPS 204, table 2).
    package var signatureBytes: Int {
        switch self {
        case .mlDSA44: 2420
        case .mlDSA65: 3309
        case .mlDSA87: 4627
        }
    }

    /// Whether this libcrypto verifies its signatures.
    package var isAvailable: Bool { Self.available.contains(self) }

    /// Those that this libcrypto has, in the order of their strength; looked up once in a process.
    package static let available: [MLDSA] = {
        defer { ERR_clear_error() }
        return allCases.filter { set in
            guard let signature = EVP_SIGNATURE_fetch(nil, set.rawValue, nil) else { return false }
            EVP_SIGNATURE_free(signature)
            return true
        }
    }()

    /// What a verifier without it needs, as the end of a sentence.
    package static var requirement: String { "ML-DSA needs OpenSSL 3.5 or later, this is \(Libcrypto.version)" }
}

/// The library that the process runs with, which need not be the one that it was built with.
package enum Libcrypto {
    /// Its version, such as `3.0.19`.
    package static let version = OpenSSL_version(OPENSSL_VERSION_STRING).map { String(cString: $0) } ?? "unknown"
}
