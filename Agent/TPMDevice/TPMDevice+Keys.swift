package import AssayCrypto
internal import CTSS2

extension TPMDevice {
    /// The loaded attestation key and the blob that it came from.
    struct LoadedKey: ~Copyable {
        let object: TransientObject
        let blob: AttestationKeyBlob
    }

    /// The endorsement key's public half, as marshalled TPM2B_PUBLIC. The TPM derives the key anew: seconds, for RSA.
    package func endorsementKeyPublic(_ kind: KeyKind) throws(TPMDeviceError) -> [UInt8] {
        try endorsementKey(kind).publicArea()
    }

    /// Makes an attestation key under the endorsement key, so that the TPM's counters in quotes are the plain ones.
    ///
    /// It isn't loaded yet; keep it in an ``AttestationKeyFile``.
    /// - SeeAlso: TPM 2.0 Part 1, 36.7: only keys outside the endorsement and platform hierarchies see obfuscated counters.
    package func createAttestationKey(_ kind: KeyKind) throws(TPMDeviceError) -> AttestationKeyBlob {
        let call = "Esys_Create"
        let parent = try endorsementKey(kind)
        let session = try EndorsementSession.start(in: esys)
        var sensitive = TPM2B_SENSITIVE_CREATE()
        var template = kind.attestationTemplate
        var outside = TPM2B_DATA()
        var pcrs = TPML_PCR_SELECTION()
        var sealed: UnsafeMutablePointer<TPM2B_PRIVATE>?
        var published: UnsafeMutablePointer<TPM2B_PUBLIC>?
        let none = ESYS_TR_NONE
        var code: TSS2_RC
        repeat {
            code = Esys_Create(
                esys.pointer, parent.handle, session.handle, none, none, &sensitive, &template, &outside, &pcrs,
                &sealed, &published, nil, nil, nil)
        } while esys.makesRoom(after: code)
        try check(call, code)
        let privateHalf = try EsysOutput(sealed, of: call)
        let publicHalf = try EsysOutput(published, of: call)
        return AttestationKeyBlob(
            kind: kind, publicArea: try publicHalf.value.marshalled(),
            sealedPrivate: try privateHalf.value.marshalled())
    }

    /// Loads an attestation key for the quotes to come, in place of the one before.
    ///
    /// - Throws: `.foreignKey` if another TPM made it, or this one was cleared since; `.malformedKey`.
    package func loadAttestationKey(_ blob: AttestationKeyBlob) throws(TPMDeviceError) {
        let call = "Esys_Load"
        guard var sealed = TPM2B_PRIVATE(marshalled: blob.sealedPrivate) else {
            throw TPMDeviceError(.malformedKey("its private half doesn't parse"), in: call)
        }
        guard var published = TPM2B_PUBLIC(marshalled: blob.publicArea) else {
            throw TPMDeviceError(.malformedKey("its public half doesn't parse"), in: call)
        }
        // Before anything else is loaded: after a reset its number may be given out again.
        attestationKey = nil
        esys.attestationKey = blob.publicArea
        let parent = try endorsementKey(blob.kind)
        let session = try EndorsementSession.start(in: esys)
        var handle = ESYS_TR_NONE
        var code: TSS2_RC
        repeat {
            code = Esys_Load(
                esys.pointer, parent.handle, session.handle, ESYS_TR_NONE, ESYS_TR_NONE, &sealed, &published, &handle)
        } while esys.makesRoom(after: code)
        let response = ResponseCode(rawValue: code)
        guard response.base != ASSAY_RC_INTEGRITY else { throw TPMDeviceError(.foreignKey(response), in: call) }
        try check(call, code)
        attestationKey = LoadedKey(object: TransientObject(handle, in: esys), blob: blob)
    }

    /// Proves that the attestation key lives in the endorsement key's TPM, by decrypting what was made for the two.
    ///
    /// - Parameters:
    ///   - credential: TPM2B_ID_OBJECT's bytes, without the length in front.
    ///   - secret: TPM2B_ENCRYPTED_SECRET's bytes, without the length in front.
    /// - Returns: what the verifier had encrypted.
    /// - SeeAlso: TPM 2.0 Part 3, 12.5 (TPM2_ActivateCredential).
    package func activateCredential(_ credential: [UInt8], secret: [UInt8]) throws(TPMDeviceError) -> Secret {
        let call = "Esys_ActivateCredential"
        guard let key = attestationKey?.object.handle, let kind = attestationKey?.blob.kind else {
            throw TPMDeviceError(.noKey, in: call)
        }
        var credential = try TPM2B_ID_OBJECT(credential, for: call)
        var secret = try TPM2B_ENCRYPTED_SECRET(secret, for: call)
        let endorsement = try endorsementKey(kind)
        let session = try EndorsementSession.start(in: esys)
        var result: UnsafeMutablePointer<TPM2B_DIGEST>?
        try check(
            call,
            Esys_ActivateCredential(
                esys.pointer, key, endorsement.handle, ESYS_TR_PASSWORD, session.handle, ESYS_TR_NONE, &credential,
                &secret, &result))
        return Secret(try EsysOutput(result, of: call).value.bytes)
    }

    private func endorsementKey(_ kind: KeyKind) throws(TPMDeviceError) -> TransientObject {
        var sensitive = TPM2B_SENSITIVE_CREATE()
        var template = kind.endorsementTemplate
        var outside = TPM2B_DATA()
        var pcrs = TPML_PCR_SELECTION()
        var handle = ESYS_TR_NONE
        var code: TSS2_RC
        repeat {
            code = Esys_CreatePrimary(
                esys.pointer, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                &template, &outside, &pcrs, &handle, nil, nil, nil, nil)
        } while esys.makesRoom(after: code)
        try check("Esys_CreatePrimary", code)
        return TransientObject(handle, in: esys)
    }
}
