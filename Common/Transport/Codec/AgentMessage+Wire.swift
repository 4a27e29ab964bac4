import CAssayProto
package import Messages
package import NIOCore

extension AgentMessage: WireMessage {
    /// Hello, Evidence, LogShard, Status, RenewRequest, JoinRequest, CredentialResponse.
    private static let bodies: UInt64 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9

    private static let logShardNumber: UInt64 = 3

    package init(serialized bytes: UnsafeRawBufferPointer) throws(MessageError) {
        let body = try Envelope.body(of: bytes, known: Self.bodies, in: "AgentMessage")
        guard body.number != Self.logShardNumber else {
            self = .logShard(try LogShard(serialized: UnsafeRawBufferPointer(rebasing: bytes[body.range])))
            return
        }
        self = try withUnpacked(
            bytes, in: "AgentMessage",
            by: { assay__v1__agent_message__unpack($0, $1, $2) },
            free: { assay__v1__agent_message__free_unpacked($0, $1) },
            Self.init(structure:))
    }

    private init(structure: Assay__V1__AgentMessage) throws(MessageError) {
        switch structure.body_case {
        case ASSAY__V1__AGENT_MESSAGE__BODY_HELLO: self = .hello(try Hello(structure.hello.pointee))
        case ASSAY__V1__AGENT_MESSAGE__BODY_EVIDENCE: self = .evidence(try Evidence(structure.evidence.pointee))
        case ASSAY__V1__AGENT_MESSAGE__BODY_STATUS: self = .status(try Status(structure.status.pointee))
        case ASSAY__V1__AGENT_MESSAGE__BODY_RENEW_REQUEST:
            self = .renewRequest(try RenewRequest(structure.renew_request.pointee))
        case ASSAY__V1__AGENT_MESSAGE__BODY_JOIN_REQUEST:
            self = .joinRequest(try JoinRequest(structure.join_request.pointee))
        case ASSAY__V1__AGENT_MESSAGE__BODY_CREDENTIAL_RESPONSE:
            self = .credentialResponse(try CredentialResponse(structure.credential_response.pointee))
        default: throw MessageError(.empty, in: "AgentMessage")
        }
    }

    package func serialize(into buffer: inout ByteBuffer, limit: Int) throws(MessageError) {
        let arena = PackArena()
        let envelope = arena.make(assay__v1__agent_message__init)
        switch self {
        case .hello(let hello):
            envelope.pointee.body_case = ASSAY__V1__AGENT_MESSAGE__BODY_HELLO
            envelope.pointee.hello = hello.structure(in: arena)
        case .evidence(let evidence):
            envelope.pointee.body_case = ASSAY__V1__AGENT_MESSAGE__BODY_EVIDENCE
            envelope.pointee.evidence = evidence.structure(in: arena)
        case .logShard(let shard):
            envelope.pointee.body_case = ASSAY__V1__AGENT_MESSAGE__BODY_LOG_SHARD
            try shard.records.withUnsafeBufferPointer { (records) throws(MessageError) in
                envelope.pointee.log_shard = shard.structure(in: arena, records: records)
                try pack(envelope, into: &buffer, limit)
            }
            return
        case .status(let status):
            envelope.pointee.body_case = ASSAY__V1__AGENT_MESSAGE__BODY_STATUS
            envelope.pointee.status = status.structure(in: arena)
        case .renewRequest(let request):
            envelope.pointee.body_case = ASSAY__V1__AGENT_MESSAGE__BODY_RENEW_REQUEST
            envelope.pointee.renew_request = request.structure(in: arena)
        case .joinRequest(let request):
            envelope.pointee.body_case = ASSAY__V1__AGENT_MESSAGE__BODY_JOIN_REQUEST
            envelope.pointee.join_request = request.structure(in: arena)
        case .credentialResponse(let response):
            envelope.pointee.body_case = ASSAY__V1__AGENT_MESSAGE__BODY_CREDENTIAL_RESPONSE
            envelope.pointee.credential_response = response.structure(in: arena)
        }
        try pack(envelope, into: &buffer, limit)
    }

    private func pack(
        _ envelope: UnsafeMutablePointer<Assay__V1__AgentMessage>, into buffer: inout ByteBuffer, _ limit: Int
    ) throws(MessageError) {
        try buffer.write(packed: assay__v1__agent_message__get_packed_size(envelope), limit: limit, in: kind) {
            assay__v1__agent_message__pack(envelope, $0)
        }
    }
}
