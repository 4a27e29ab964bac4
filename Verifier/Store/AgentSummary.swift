package import AssayCrypto
import Bytes
import TPM

/// A line of a listing.
package struct AgentSummary: Hashable, Sendable {
    /// Where an agent's attestation stands.
    package struct Position: Hashable, Sendable {
        /// The boot epoch.
        package let resetCount: UInt32
        /// The next record of the epoch to appraise.
        package let nextRecord: UInt64
        /// Keys learned; nil in a state of an older release.
        package let keyCount: UInt32?
        /// The deny generation under which the records were judged.
        let denyGeneration: UInt64
    }

    /// Its identity.
    package let id: AgentID
    /// When it was enrolled, in seconds since 1970.
    package let enrolledAt: Int64
    /// The name of the policy that it is judged by; nil for none yet.
    package let policyName: String?
    /// When it was revoked, in seconds since 1970; nil while it is trusted to attest.
    package let revokedAt: Int64?
    /// Nil before the first committed round.
    package internal(set) var position: Position?
    /// The last verdict.
    package internal(set) var verdict: Verdict?
    /// Keys that vouched for records of the verdict and were denied since: it no longer affirms.
    package var deniedKeys: Set<Digest> = []
    /// A log on its way; nil for none.
    package var transfer: LogTransfer?
    /// What an operator has asked for, and what no round has met yet.
    package var reattestation: Reattestation?
    /// When the verdict was found to be stamped later than now, in seconds since 1970: it doesn't stand. Nil if it wasn't.
    package var withdrawnAt: Int64?

    /// A line of what is known in full.
    package init(agent: Agent, state: AttestationState?, verdict: Verdict?) {
        id = agent.id
        enrolledAt = agent.enrolledAt
        policyName = agent.policyName
        revokedAt = agent.revokedAt
        position = state.map {
            Position(
                resetCount: $0.clockInfo.resetCount, nextRecord: $0.nextRecord, keyCount: $0.keyCount,
                denyGeneration: $0.denyGeneration)
        }
        self.verdict = verdict
    }
}

extension Result<AgentSummary, StoreError> {
    /// Whose entry of a listing it is, also of one that is damaged; nil if even that isn't known.
    package var agentID: AgentID? {
        get throws(StoreError) {
            switch self {
            case .success(let summary): summary.id
            case .failure(let error): try error.place.agent.map { (bytes) throws(StoreError) in try AgentID(bytes) }
            }
        }
    }
}

extension [Result<AgentSummary, StoreError>] {
    /// After whom the next page of a listing begins: the last entry that tells whose it is.
    package var lastID: AgentID? {
        get throws(StoreError) {
            for entry in reversed() {
                if let id = try entry.agentID { return id }
            }
            return nil
        }
    }
}

// A listing of a hundred thousand agents is to take half a second: of each value only what it shows is read.
extension AgentSummary {
    /// Reads an ``Agent`` without its key.
    init(agent bytes: Span<UInt8>, at place: @autoclosure () -> StoreError.Place) throws(StoreError) {
        self = try Agent.read(bytes, at: place()) { reader, _ in try AgentSummary(reading: &reader) }
    }

    private init(reading reader: inout ByteReader) throws {
        id = try AgentID(reader.field())
        try reader.skipField()
        try reader.skipField()
        enrolledAt = try reader.time()
        policyName = try reader.optional { try $0.text() }
        revokedAt = try reader.optional { try $0.time() }
    }
}

extension AgentSummary.Position {
    /// Reads an ``AttestationState`` without what it would take to go on from it.
    init(state bytes: Span<UInt8>, at place: @autoclosure () -> StoreError.Place) throws(StoreError) {
        self = try AttestationState.read(bytes, at: place()) { try Self(reading: &$0, layout: $1) }
    }

    private init(reading reader: inout ByteReader, layout: UInt8) throws {
        _ = try reader.span(8)  // the verdict's number
        try reader.skipField()  // the attestation key's name
        resetCount = try reader.clockInfo().resetCount
        try reader.skipList { _ = try $0.span(6) }  // the selection: bank and PCRs
        _ = try reader.optional { try $0.digest() }  // the policy's hash
        denyGeneration = try reader.integer()
        _ = try reader.span(16)  // times of Challenge and commit
        nextRecord = try reader.integer()
        _ = try reader.span(16)  // records received, files' records
        try reader.skipList {  // lanes: bank, PCR, forms; value
            _ = try $0.span(7)
            _ = try $0.span(Int($0.u8()))
        }
        try reader.skipList { _ = try $0.span(4) }  // ids of keys that can't be used
        keyCount = layout == 1 ? nil : try reader.optional { try $0.integer() }
        if layout > 2 { _ = try reader.span(8) }  // bytes of the log
    }
}
