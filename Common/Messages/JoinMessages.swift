package import AssayCrypto
import Bytes

/// An agent without a certificate asks to be enrolled.
package struct JoinRequest: Hashable, Sendable {
    package var protocolVersion: UInt32
    package var tokenHash: [UInt8]
    package var agentID: [UInt8]
    package var endorsementKeyPublic: [UInt8]
    package var attestationKeyPublic: [UInt8]
    package var endorsementKeyCertificate: [UInt8]
    package var certificateRequest: [UInt8]
    package var proof: [UInt8]

    /// A request under an invitation.
    package init(
        protocolVersion: UInt32 = Messages.protocolVersion, tokenHash: [UInt8], agentID: [UInt8],
        endorsementKeyPublic: [UInt8], attestationKeyPublic: [UInt8], endorsementKeyCertificate: [UInt8],
        certificateRequest: [UInt8], proof: [UInt8]
    ) {
        self.protocolVersion = protocolVersion
        self.tokenHash = tokenHash
        self.agentID = agentID
        self.endorsementKeyPublic = endorsementKeyPublic
        self.attestationKeyPublic = attestationKeyPublic
        self.endorsementKeyCertificate = endorsementKeyCertificate
        self.certificateRequest = certificateRequest
        self.proof = proof
    }

    /// What shows that the sender knows the invitation's secret, on this very connection: HMAC-SHA-256 under the secret,
    /// over the label, SHA-256 of the request's other fields, and the TLS exporter value, each preceded by its length in
    /// four bytes, big-endian.
    ///
    /// - Parameter exporter: 32 bytes (RFC 9266).
    package func proof(secret: Secret, exporter: [UInt8]) throws(CryptoError) -> [UInt8] {
        let fields = [
            tokenHash, agentID, endorsementKeyPublic, attestationKeyPublic, endorsementKeyCertificate,
            certificateRequest,
        ]
        let request = PCRBank.sha256.digest(of: Self.joined(fields)).bytes
        let message = Self.joined([Array("assay join v1".utf8), request, exporter])
        return try HashAlgorithm.sha256.authenticationCode(key: secret.bytes, message).bytes
    }

    private static func joined(_ parts: [[UInt8]]) -> [UInt8] {
        var writer = ByteWriter()
        for part in parts { writer.sized(by: UInt32.self, part) }
        return writer.bytes
    }
}

/// A secret that only the TPM with both keys can open.
package struct CredentialChallenge: Hashable, Sendable {
    package var credentialBlob: [UInt8]
    package var encryptedSecret: [UInt8]

    /// TPM2_MakeCredential's output, without the structures' own lengths.
    package init(credentialBlob: [UInt8], encryptedSecret: [UInt8]) {
        self.credentialBlob = credentialBlob
        self.encryptedSecret = encryptedSecret
    }
}

/// The opened secret.
package struct CredentialResponse: Hashable, Sendable {
    package var secret: Secret

    /// TPM2_ActivateCredential's output.
    package init(secret: Secret) {
        self.secret = secret
    }
}

/// The agent's certificate, new or renewed.
package struct CertificateIssued: Hashable, Sendable {
    package var agentID: [UInt8]
    package var certificates: [[UInt8]]
    package var authorities: [[UInt8]]
    /// Why there are no certificates: the renewal is refused, and the connection goes on.
    package var refusal: Status?

    /// A chain, and what to trust.
    package init(agentID: [UInt8], certificates: [[UInt8]], authorities: [[UInt8]], refusal: Status? = nil) {
        self.agentID = agentID
        self.certificates = certificates
        self.authorities = authorities
        self.refusal = refusal
    }
}

/// Asks for a new certificate over an authenticated connection.
package struct RenewRequest: Hashable, Sendable {
    package var certificateRequest: [UInt8]

    /// PKCS #10 DER.
    package init(certificateRequest: [UInt8]) {
        self.certificateRequest = certificateRequest
    }
}
