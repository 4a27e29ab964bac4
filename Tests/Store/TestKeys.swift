import AssayCrypto
import Bytes
import Foundation
import Testing

/// A real public key in two ways of writing it: P-256's generator (FIPS 186-4, D.1.2.3).
enum TestKeys {
    private static let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    private static let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

    static func spki(compressed: Bool) throws -> [UInt8] {
        let algorithm = "301306072a8648ce3d020106082a8648ce3d030107"
        let text = compressed ? "3039\(algorithm)03220003\(x)" : "3059\(algorithm)03420004\(x)\(y)"
        return try #require([UInt8](hexadecimal: text))
    }

    /// A policy that brings a verification key.
    static func policy(verifying spki: [UInt8]) -> [UInt8] {
        Array(
            """
            {"meta": {"version": 1, "generator": 0}, "release": 0, "digests": {}, "excludes": [], "keyrings": {}, "ima": {"ignored_keyrings": [],
             "log_hash_alg": "sha1", "dm_policy": null}, "ima-buf": {}, "verification-keys": "\(Data(spki).base64EncodedString())"}
            """.utf8)
    }
}
