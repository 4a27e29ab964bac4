internal import Synchronization
package import AssayCrypto

/// A key as it was brought, its DER, and the decoded key once it is needed.
///
/// Decoding costs six times a verification, and most keys of most attestations verify nothing: so the first signature
/// that names a key decodes it, and every copy of the model shares the result.
package final class KeyMaterial: Sendable {
    /// The certificate or SubjectPublicKeyInfo.
    package let der: [UInt8]
    /// The key as it was brought, which need not be its canonical form.
    package let subjectPublicKeyInfo: [UInt8]
    private let decoded = Mutex<Decoded>(.notYet)
    private let name = Mutex<[UInt8]?>(nil)

    private enum Decoded: Sendable {
        case notYet
        case failed
        case key(PublicKey)
    }

    /// Keeps a key's bytes, not decoded yet.
    package init(der: [UInt8], subjectPublicKeyInfo: [UInt8]) {
        self.der = der
        self.subjectPublicKeyInfo = subjectPublicKeyInfo
    }

    /// Keeps a key that is decoded already.
    package init(der: [UInt8], publicKey: PublicKey) {
        self.der = der
        subjectPublicKeyInfo = publicKey.subjectPublicKeyInfo
        decoded.withLock { $0 = .key(publicKey) }
    }

    /// Issuer and serial number, by which a PKCS#7 signature may name the key; empty for a bare key.
    package var issuerAndSerial: [UInt8] {
        name.withLock { name in
            if let name { return name }
            let found = (try? Certificate(der: der))?.issuerAndSerial ?? []
            name = found
            return found
        }
    }

    /// The key; nil if libcrypto can't use it.
    package var publicKey: PublicKey? {
        decoded.withLock { state in
            if case .notYet = state {
                state = (try? PublicKey(subjectPublicKeyInfo: subjectPublicKeyInfo)).map(Decoded.key) ?? .failed
            }
            if case .key(let key) = state { return key }
            return nil
        }
    }
}
