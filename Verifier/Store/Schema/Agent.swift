import Bytes

/// An enrolled agent: who it is, and what it is judged by.
package struct Agent: Hashable, Sendable {
    /// Its identity.
    package let id: AgentID
    /// The attestation key's public area as enrolled, a TPM2B_PUBLIC; checked again whenever it is loaded.
    package var attestationKeyPublic: [UInt8]
    /// The attestation key's TPM name.
    package var attestationKeyName: [UInt8]
    /// When it was enrolled, in seconds since 1970.
    package var enrolledAt: Int64
    /// The name of the policy that it is judged by; nil for none yet.
    package var policyName: String?
    /// When it was revoked, in seconds since 1970; nil while it is trusted to attest.
    package var revokedAt: Int64?

    /// An agent.
    package init(
        id: AgentID, attestationKeyPublic: [UInt8], attestationKeyName: [UInt8], enrolledAt: Int64,
        policyName: String? = nil, revokedAt: Int64? = nil
    ) {
        self.id = id
        self.attestationKeyPublic = attestationKeyPublic
        self.attestationKeyName = attestationKeyName
        self.enrolledAt = enrolledAt
        self.policyName = policyName
        self.revokedAt = revokedAt
    }
}

extension Agent: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        id = try AgentID(reader.field())
        attestationKeyPublic = try reader.field()
        attestationKeyName = try reader.field()
        enrolledAt = try reader.time()
        policyName = try reader.optional { try $0.text() }
        revokedAt = try reader.optional { try $0.time() }
    }

    func write(to writer: inout ByteWriter) {
        writer.field(id.bytes)
        writer.field(attestationKeyPublic)
        writer.field(attestationKeyName)
        writer.time(enrolledAt)
        writer.optional(policyName) { $0.field($1.utf8) }
        writer.optional(revokedAt) { $0.time($1) }
    }
}
