package import AssayCrypto
import Bytes

/// An operator's permission to join. The token itself isn't kept: its secret is made of ``seed`` and of a key that is
/// never in the store, so that a copy of the store lets nobody join.
package struct Invitation: Hashable, Sendable {
    /// The most hosts that one invitation is for.
    package static let maximumUses: UInt32 = 1000

    /// Who has used it.
    package struct Use: Hashable, Sendable {
        /// The TPM's name for the endorsement key that came.
        package let endorsementKeyName: [UInt8]
        /// What it became.
        package let agent: AgentID
    }

    /// SHA-256 of the token's secret.
    package let tokenHash: Digest
    /// 16 random bytes.
    package let seed: [UInt8]
    /// The identity that it is for; nil leaves it to the host.
    package let agent: AgentID?
    /// The policy that a new agent is judged by, and an enrolled one if the invitation names it; nil for none yet. An
    /// operator's later word for the agent that is named takes its place.
    package internal(set) var policyName: String?
    /// When it was made, in seconds since 1970.
    package let createdAt: Int64
    /// When it ends, in seconds since 1970.
    package let expiresAt: Int64
    /// How many more TPMs may join with it.
    package var usesLeft: UInt32
    /// Who has joined with it.
    package var uses: [Use]

    /// An invitation that nobody has used.
    package init(
        tokenHash: Digest, seed: [UInt8], agent: AgentID?, policyName: String?, createdAt: Int64, expiresAt: Int64,
        uses: UInt32
    ) {
        self.tokenHash = tokenHash
        self.seed = seed
        self.agent = agent
        self.policyName = policyName
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        usesLeft = uses
        self.uses = []
    }
}

extension Invitation: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        tokenHash = try reader.digest()
        seed = try reader.field()
        agent = try reader.optional { try AgentID($0.field()) }
        policyName = try reader.optional { try $0.text() }
        createdAt = try reader.time()
        expiresAt = try reader.time()
        usesLeft = try reader.integer()
        uses = try reader.list { Use(endorsementKeyName: try $0.field(), agent: try AgentID($0.field())) }
    }

    func write(to writer: inout ByteWriter) {
        writer.digest(tokenHash)
        writer.field(seed)
        writer.optional(agent) { $0.field($1.bytes) }
        writer.optional(policyName) { $0.field($1.utf8) }
        writer.time(createdAt)
        writer.time(expiresAt)
        writer.integer(usesLeft)
        writer.list(uses) { writer, use in
            writer.field(use.endorsementKeyName)
            writer.field(use.agent.bytes)
        }
    }
}
