import AssayCrypto
import CAssayProto
import Messages

extension JoinRequest {
    init(_ structure: Assay__V1__JoinRequest) throws(MessageError) {
        let fields = FieldReader(message: "JoinRequest")
        self.init(
            protocolVersion: structure.protocol_version,
            tokenHash: try fields.bytes("token_hash", structure.token_hash, FieldLimits.sha256),
            agentID: try fields.bytes("agent_id", structure.agent_id, FieldLimits.agentID),
            endorsementKeyPublic: try fields.bytes("ek_public", structure.ek_public, FieldLimits.publicArea),
            attestationKeyPublic: try fields.bytes("ak_public", structure.ak_public, FieldLimits.publicArea),
            endorsementKeyCertificate: try fields.bytes(
                "ek_certificate", structure.ek_certificate, FieldLimits.certificate),
            certificateRequest: try fields.bytes(
                "certificate_request", structure.certificate_request, FieldLimits.certificate),
            proof: try fields.bytes("proof", structure.proof, FieldLimits.sha256))
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__JoinRequest> {
        let structure = arena.make(assay__v1__join_request__init)
        structure.pointee.protocol_version = protocolVersion
        structure.pointee.token_hash = arena.bytes(tokenHash)
        structure.pointee.agent_id = arena.bytes(agentID)
        structure.pointee.ek_public = arena.bytes(endorsementKeyPublic)
        structure.pointee.ak_public = arena.bytes(attestationKeyPublic)
        structure.pointee.ek_certificate = arena.bytes(endorsementKeyCertificate)
        structure.pointee.certificate_request = arena.bytes(certificateRequest)
        structure.pointee.proof = arena.bytes(proof)
        return structure
    }
}

extension CredentialChallenge {
    init(_ structure: Assay__V1__CredentialChallenge) throws(MessageError) {
        let fields = FieldReader(message: "CredentialChallenge")
        self.init(
            credentialBlob: try fields.bytes("credential_blob", structure.credential_blob, FieldLimits.credential),
            encryptedSecret: try fields.bytes("encrypted_secret", structure.encrypted_secret, FieldLimits.credential))
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__CredentialChallenge> {
        let structure = arena.make(assay__v1__credential_challenge__init)
        structure.pointee.credential_blob = arena.bytes(credentialBlob)
        structure.pointee.encrypted_secret = arena.bytes(encryptedSecret)
        return structure
    }
}

extension CredentialResponse {
    init(_ structure: Assay__V1__CredentialResponse) throws(MessageError) {
        let fields = FieldReader(message: "CredentialResponse")
        self.init(secret: Secret(try fields.bytes("secret", structure.secret, FieldLimits.secret)))
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__CredentialResponse> {
        let structure = arena.make(assay__v1__credential_response__init)
        structure.pointee.secret = arena.bytes(secret.bytes)
        return structure
    }
}

extension CertificateIssued {
    init(_ structure: Assay__V1__CertificateIssued) throws(MessageError) {
        let fields = FieldReader(message: "CertificateIssued")
        self.init(
            agentID: try fields.bytes("agent_id", structure.agent_id, FieldLimits.agentID),
            certificates: try fields.byteStrings(
                "certificates", structure.n_certificates, structure.certificates, limit: FieldLimits.certificates,
                FieldLimits.certificate),
            authorities: try fields.byteStrings(
                "authorities", structure.n_authorities, structure.authorities, limit: FieldLimits.certificates,
                FieldLimits.certificate))
        if let refusal = structure.refusal { self.refusal = try Status(refusal.pointee) }
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__CertificateIssued> {
        let structure = arena.make(assay__v1__certificate_issued__init)
        structure.pointee.agent_id = arena.bytes(agentID)
        structure.pointee.n_certificates = certificates.count
        structure.pointee.certificates = arena.list(certificates.map(arena.bytes))
        structure.pointee.n_authorities = authorities.count
        structure.pointee.authorities = arena.list(authorities.map(arena.bytes))
        if let refusal { structure.pointee.refusal = refusal.structure(in: arena) }
        return structure
    }
}

extension RenewRequest {
    init(_ structure: Assay__V1__RenewRequest) throws(MessageError) {
        let fields = FieldReader(message: "RenewRequest")
        self.init(
            certificateRequest: try fields.bytes(
                "certificate_request", structure.certificate_request, FieldLimits.certificate))
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__RenewRequest> {
        let structure = arena.make(assay__v1__renew_request__init)
        structure.pointee.certificate_request = arena.bytes(certificateRequest)
        return structure
    }
}
