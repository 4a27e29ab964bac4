internal import COpenSSL

/// A key that issues certificates, and its own certificate.
package struct CertificateAuthority: Sendable {
    /// What peers trust.
    package let certificate: Certificate
    private let key: PrivateKey

    /// Puts an authority together.
    ///
    /// - Throws: ``CryptoError`` with `.malformed` if the key is another certificate's.
    package init(certificate: Certificate, key: PrivateKey) throws(CryptoError) {
        guard key.publicKey.subjectPublicKeyInfo == certificate.subjectPublicKeyInfo else {
            throw CryptoError(.malformed, "the authority's key is another certificate's")
        }
        self.certificate = certificate
        self.key = key
    }

    /// A new authority that vouches for itself.
    package init(key: PrivateKey, template: CertificateTemplate) throws(CryptoError) {
        self.key = key
        certificate = try CertificateBuilder(template, for: key.publicKey).signed(by: key, issuer: nil)
    }

    /// Issues a certificate for a key. Its serial number is random.
    package func issue(
        _ template: CertificateTemplate, for publicKey: PublicKey
    ) throws(CryptoError) -> Certificate {
        try CertificateBuilder(template, for: publicKey).signed(by: key, issuer: certificate)
    }
}

/// What a certificate that we issue says.
package struct CertificateTemplate: Hashable, Sendable {
    /// What its owner may do with it.
    package enum Purpose: Hashable, Sendable {
        /// Issue certificates for peers, but not for further authorities.
        case authority
        /// Be the side that dials.
        case client
        /// Be the side that is dialed.
        case server
    }

    /// For people's eyes; left out if it is longer than 64 characters, X.509's limit.
    package var commonName: String
    /// The owner's names. Those of kind `.other` are left out.
    package var names: [SubjectAlternativeName]
    /// What its owner may do with it.
    package var purpose: Purpose
    /// Seconds since 1970.
    package var notBefore: Int64
    /// Seconds since 1970.
    package var notAfter: Int64

    /// A template.
    package init(
        commonName: String, names: [SubjectAlternativeName] = [], purpose: Purpose, notBefore: Int64, notAfter: Int64
    ) {
        self.commonName = commonName
        self.names = names
        self.purpose = purpose
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}
