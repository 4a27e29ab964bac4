package import AssayCrypto
import Messages
package import Store
package import TPM

/// A host that knows the token's secret and asks to join, its keys checked: what it says is in order, not yet true.
package struct Applicant: Sendable {
    /// What the store decides on.
    package let claim: JoinClaim
    /// What a credential is made for.
    package let endorsementKey: EndorsementKey
    /// What a certificate is asked for.
    package let request: CertificateRequest

    /// Checks the keys of a request.
    ///
    /// - Parameter time: seconds since 1970.
    /// - Throws: the status to refuse it with.
    init(_ request: JoinRequest, tokenHash: Digest, time: Int64) throws(Status) {
        do {
            let endorsementArea = try PublicArea(tpm2bPublic: request.endorsementKeyPublic)
            let attestationArea = try PublicArea(tpm2bPublic: request.attestationKeyPublic)
            endorsementKey = try EndorsementKey(publicArea: endorsementArea)
            let attestationKey = try AttestationKey(publicArea: attestationArea)
            self.request = try Registrar.checked(request.certificateRequest)
            claim = JoinClaim(
                tokenHash: tokenHash, wishedID: request.agentID,
                endorsementKeyPublic: request.endorsementKeyPublic, endorsementKeyName: endorsementKey.name,
                endorsementKeyCertificate: request.endorsementKeyCertificate,
                attestationKeyPublic: request.attestationKeyPublic, attestationKeyName: attestationKey.name,
                tlsKeyFingerprint: self.request.publicKey.fingerprint, time: time)
        } catch let error as QuoteError {
            throw Status(.invalidArgument, "the host's key is refused: \(error); \(error.remedy)")
        } catch {
            throw Status(.invalidArgument, "\(error)")
        }
    }
}
