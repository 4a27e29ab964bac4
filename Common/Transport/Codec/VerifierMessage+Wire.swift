import CAssayProto
package import Messages
package import NIOCore

extension VerifierMessage: WireMessage {
    /// Challenge, ShardCredit, AttestationResult, Status, CertificateIssued, CredentialChallenge.
    private static let bodies: UInt64 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9

    package init(serialized bytes: UnsafeRawBufferPointer) throws(MessageError) {
        _ = try Envelope.body(of: bytes, known: Self.bodies, in: "VerifierMessage")
        self = try withUnpacked(
            bytes, in: "VerifierMessage",
            by: { assay__v1__verifier_message__unpack($0, $1, $2) },
            free: { assay__v1__verifier_message__free_unpacked($0, $1) },
            Self.init(structure:))
    }

    private init(structure: Assay__V1__VerifierMessage) throws(MessageError) {
        switch structure.body_case {
        case ASSAY__V1__VERIFIER_MESSAGE__BODY_CHALLENGE:
            self = .challenge(try Challenge(structure.challenge.pointee))
        case ASSAY__V1__VERIFIER_MESSAGE__BODY_SHARD_CREDIT:
            self = .shardCredit(ShardCredit(structure.shard_credit.pointee))
        case ASSAY__V1__VERIFIER_MESSAGE__BODY_ATTESTATION_RESULT:
            self = .attestationResult(try AttestationResult(structure.attestation_result.pointee))
        case ASSAY__V1__VERIFIER_MESSAGE__BODY_STATUS: self = .status(try Status(structure.status.pointee))
        case ASSAY__V1__VERIFIER_MESSAGE__BODY_CERTIFICATE_ISSUED:
            self = .certificateIssued(try CertificateIssued(structure.certificate_issued.pointee))
        case ASSAY__V1__VERIFIER_MESSAGE__BODY_CREDENTIAL_CHALLENGE:
            self = .credentialChallenge(try CredentialChallenge(structure.credential_challenge.pointee))
        default: throw MessageError(.empty, in: "VerifierMessage")
        }
    }

    package func serialize(into buffer: inout ByteBuffer, limit: Int) throws(MessageError) {
        let arena = PackArena()
        let envelope = arena.make(assay__v1__verifier_message__init)
        switch self {
        case .challenge(let challenge):
            envelope.pointee.body_case = ASSAY__V1__VERIFIER_MESSAGE__BODY_CHALLENGE
            envelope.pointee.challenge = challenge.structure(in: arena)
        case .shardCredit(let credit):
            envelope.pointee.body_case = ASSAY__V1__VERIFIER_MESSAGE__BODY_SHARD_CREDIT
            envelope.pointee.shard_credit = credit.structure(in: arena)
        case .attestationResult(let result):
            envelope.pointee.body_case = ASSAY__V1__VERIFIER_MESSAGE__BODY_ATTESTATION_RESULT
            envelope.pointee.attestation_result = result.structure(in: arena)
        case .status(let status):
            envelope.pointee.body_case = ASSAY__V1__VERIFIER_MESSAGE__BODY_STATUS
            envelope.pointee.status = status.structure(in: arena)
        case .certificateIssued(let issued):
            envelope.pointee.body_case = ASSAY__V1__VERIFIER_MESSAGE__BODY_CERTIFICATE_ISSUED
            envelope.pointee.certificate_issued = issued.structure(in: arena)
        case .credentialChallenge(let challenge):
            envelope.pointee.body_case = ASSAY__V1__VERIFIER_MESSAGE__BODY_CREDENTIAL_CHALLENGE
            envelope.pointee.credential_challenge = challenge.structure(in: arena)
        }
        try buffer.write(packed: assay__v1__verifier_message__get_packed_size(envelope), limit: limit, in: kind) {
            assay__v1__verifier_message__pack(envelope, $0)
        }
    }
}
