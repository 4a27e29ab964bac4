package import Appraisal
package import AssayCrypto
import Bytes

/// Something that happened to an agent, or to the store as a whole, and when.
package struct Event: Hashable, Sendable {
    /// What happened.
    package enum Kind: Hashable, Sendable {
        /// An operator has enrolled the agent, perhaps anew.
        case enrolled
        /// The host has joined with a token, perhaps again.
        case joined
        /// A join that came to the agent was refused; the TPM's name for the endorsement key that came, empty if it was
        /// none.
        case joinRefused(JoinRefusal.Word, endorsementKeyName: [UInt8])
        /// The host has joined again with another attestation key of the same TPM: names of the keys.
        case attestationKeyReplaced(from: [UInt8], to: [UInt8])
        /// The policy of the invitation to this agent that the host joined again with judges it from now on.
        case invitationPolicyTaken(from: String?, to: String)
        /// The host has joined again with an invitation that doesn't name it: that one's policy doesn't count.
        case invitationPolicyNotTaken(String)
        /// An agent was removed, by an operator or by the rule for stale agents.
        case removed(agent: [UInt8], byRule: Bool)
        /// The agent was revoked.
        case revoked
        /// Its revocation was taken back.
        case reinstated
        /// Position and keyrings were forgotten: the log is appraised from record 0.
        case stateDiscarded
        /// The verdict's tier is another than the one before it; nil for the first verdict.
        case tierChanged(from: Tier?, to: Tier)
        /// The host has booted.
        case epochChanged(from: UInt32, to: UInt32)
        /// The quotes are of another bank than before; with no boot between, the host's Hello or the operator's order of
        /// banks has changed.
        case bankChanged(from: PCRBank, to: PCRBank)
        /// A key came onto a keyring.
        case keyLearned(keyring: [UInt8], key: Digest)
        /// A key is no longer in the model of a keyring.
        case keyGone(keyring: [UInt8], key: Digest)
        /// Another policy judges the agent; nil for none.
        case policyAssigned(String?)
        /// A policy was put under a name.
        case policyPut(String, contentHash: Digest)
        /// A key was denied.
        case keyDenied(Digest)
        /// A key was allowed again.
        case keyAllowed(Digest)
        /// The store was moved to another version of the schema.
        case schemaChanged(from: UInt32, to: UInt32)
        /// An operator has asked for the log to be appraised again from a record on.
        case reattestationRequested(from: UInt64)
        /// An operator has asked what the log holds, to make a policy of it.
        case learningRequested
        /// What was kept of a broken transfer, up to a record, did not lead to the quote: it was dropped.
        case scratchDropped(record: UInt64)
        /// The last verdict is stamped later than now, with this time in seconds since 1970: it doesn't stand.
        case verdictWithdrawn(stamp: Int64)
    }

    /// Counts all events of the store.
    package internal(set) var number: UInt64 = 0
    /// In seconds since 1970.
    package let time: Int64
    /// What happened.
    package let kind: Kind
}

extension Event: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        number = try reader.integer()
        time = try reader.time()
        kind = try Kind(reading: &reader)
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(number)
        writer.time(time)
        kind.write(to: &writer)
    }
}

extension Event.Kind {
    /// The word that stands for a kind, in the store and in JSON.
    package enum Word: String, Sendable {
        case enrolled, joined, removed, revoked, reinstated
        case joinRefused = "join_refused"
        case attestationKeyReplaced = "attestation_key_replaced"
        case invitationPolicyTaken = "invitation_policy_taken"
        case invitationPolicyNotTaken = "invitation_policy_not_taken"
        case stateDiscarded = "state_discarded"
        case tierChanged = "tier_changed"
        case epochChanged = "epoch_changed"
        case bankChanged = "bank_changed"
        case keyLearned = "key_learned"
        case keyGone = "key_gone"
        case policyAssigned = "policy_assigned"
        case policyPut = "policy_put"
        case keyDenied = "key_denied"
        case keyAllowed = "key_allowed"
        case schemaChanged = "schema_changed"
        case reattestationRequested = "reattestation_requested"
        case learningRequested = "learning_requested"
        case scratchDropped = "scratch_dropped"
        case verdictWithdrawn = "verdict_withdrawn"
    }

    /// The word of this kind.
    package var word: Word {
        switch self {
        case .enrolled: .enrolled
        case .joined: .joined
        case .joinRefused: .joinRefused
        case .attestationKeyReplaced: .attestationKeyReplaced
        case .invitationPolicyTaken: .invitationPolicyTaken
        case .invitationPolicyNotTaken: .invitationPolicyNotTaken
        case .removed: .removed
        case .revoked: .revoked
        case .reinstated: .reinstated
        case .stateDiscarded: .stateDiscarded
        case .tierChanged: .tierChanged
        case .epochChanged: .epochChanged
        case .bankChanged: .bankChanged
        case .keyLearned: .keyLearned
        case .keyGone: .keyGone
        case .policyAssigned: .policyAssigned
        case .policyPut: .policyPut
        case .keyDenied: .keyDenied
        case .keyAllowed: .keyAllowed
        case .schemaChanged: .schemaChanged
        case .reattestationRequested: .reattestationRequested
        case .learningRequested: .learningRequested
        case .scratchDropped: .scratchDropped
        case .verdictWithdrawn: .verdictWithdrawn
        }
    }

    /// Who brings events about: what makes room for others depends on it.
    enum Origin {
        /// The operator, or the verifier by itself.
        case verifier
        /// The host, by what it measures and sends: such events don't push out the verifier's.
        case attestation
        /// A host that joins, which it may as often as it likes: of each kind a few are kept.
        case joining
    }

    var origin: Origin {
        switch self {
        case .enrolled, .removed, .revoked, .reinstated, .stateDiscarded, .policyAssigned, .policyPut, .keyDenied,
            .keyAllowed, .schemaChanged, .reattestationRequested, .learningRequested, .verdictWithdrawn:
            .verifier
        case .tierChanged, .epochChanged, .bankChanged, .keyLearned, .keyGone, .scratchDropped: .attestation
        case .joined, .joinRefused, .attestationKeyReplaced, .invitationPolicyTaken, .invitationPolicyNotTaken: .joining
        }
    }

    fileprivate init(reading reader: inout ByteReader) throws {
        switch try reader.word(Word.self) {
        case .enrolled: self = .enrolled
        case .joined: self = .joined
        case .joinRefused: self = .joinRefused(try reader.word(), endorsementKeyName: try reader.field())
        case .attestationKeyReplaced:
            self = .attestationKeyReplaced(from: try reader.field(), to: try reader.field())
        case .invitationPolicyTaken:
            self = .invitationPolicyTaken(from: try reader.optional { try $0.text() }, to: try reader.text())
        case .invitationPolicyNotTaken: self = .invitationPolicyNotTaken(try reader.text())
        case .removed: self = .removed(agent: try reader.field(), byRule: try reader.flag())
        case .revoked: self = .revoked
        case .reinstated: self = .reinstated
        case .stateDiscarded: self = .stateDiscarded
        case .tierChanged: self = .tierChanged(from: try reader.optional { try $0.word() }, to: try reader.word())
        case .epochChanged: self = .epochChanged(from: try reader.integer(), to: try reader.integer())
        case .bankChanged: self = .bankChanged(from: try reader.bank(), to: try reader.bank())
        case .keyLearned: self = .keyLearned(keyring: try reader.field(), key: try reader.digest())
        case .keyGone: self = .keyGone(keyring: try reader.field(), key: try reader.digest())
        case .policyAssigned: self = .policyAssigned(try reader.optional { try $0.text() })
        case .policyPut: self = .policyPut(try reader.text(), contentHash: try reader.digest())
        case .keyDenied: self = .keyDenied(try reader.digest())
        case .keyAllowed: self = .keyAllowed(try reader.digest())
        case .schemaChanged: self = .schemaChanged(from: try reader.integer(), to: try reader.integer())
        case .reattestationRequested: self = .reattestationRequested(from: try reader.integer())
        case .learningRequested: self = .learningRequested
        case .scratchDropped: self = .scratchDropped(record: try reader.integer())
        case .verdictWithdrawn: self = .verdictWithdrawn(stamp: try reader.time())
        }
    }

    fileprivate func write(to writer: inout ByteWriter) {
        writer.word(word)
        switch self {
        case .enrolled, .joined, .revoked, .reinstated, .stateDiscarded, .learningRequested: break
        case .joinRefused(let word, let endorsementKeyName):
            writer.word(word)
            writer.field(endorsementKeyName)
        case .attestationKeyReplaced(let from, let to):
            writer.field(from)
            writer.field(to)
        case .invitationPolicyTaken(let from, let to):
            writer.optional(from) { $0.field($1.utf8) }
            writer.field(to.utf8)
        case .invitationPolicyNotTaken(let name): writer.field(name.utf8)
        case .removed(let agent, let byRule):
            writer.field(agent)
            writer.flag(byRule)
        case .tierChanged(let from, let to):
            writer.optional(from) { $0.word($1) }
            writer.word(to)
        case .epochChanged(let from, let to), .schemaChanged(let from, let to):
            writer.integer(from)
            writer.integer(to)
        case .bankChanged(let from, let to):
            writer.bank(from)
            writer.bank(to)
        case .keyLearned(let keyring, let key), .keyGone(let keyring, let key):
            writer.field(keyring)
            writer.digest(key)
        case .policyAssigned(let name): writer.optional(name) { $0.field($1.utf8) }
        case .policyPut(let name, let hash):
            writer.field(name.utf8)
            writer.digest(hash)
        case .keyDenied(let key), .keyAllowed(let key): writer.digest(key)
        case .reattestationRequested(let record), .scratchDropped(let record): writer.integer(record)
        case .verdictWithdrawn(let stamp): writer.time(stamp)
        }
    }
}
