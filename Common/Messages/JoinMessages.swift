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
}

/// A secret that only the TPM with both keys can open.
package struct CredentialChallenge: Hashable, Sendable {
    package var credentialBlob: [UInt8]
    package var encryptedSecret: [UInt8]

    /// TPM2_MakeCredential's output.
    package init(credentialBlob: [UInt8], encryptedSecret: [UInt8]) {
        self.credentialBlob = credentialBlob
        self.encryptedSecret = encryptedSecret
    }
}

/// The opened secret.
package struct CredentialResponse: Hashable, Sendable {
    package var secret: [UInt8]

    /// TPM2_ActivateCredential's output.
    package init(secret: [UInt8]) {
        self.secret = secret
    }
}

/// The agent's certificate, new or renewed.
package struct CertificateIssued: Hashable, Sendable {
    package var agentID: [UInt8]
    package var certificates: [[UInt8]]
    package var authorities: [[UInt8]]

    /// A chain, and what to trust.
    package init(agentID: [UInt8], certificates: [[UInt8]], authorities: [[UInt8]]) {
        self.agentID = agentID
        self.certificates = certificates
        self.authorities = authorities
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
