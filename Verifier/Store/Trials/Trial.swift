package import Appraisal
package import AssayCrypto
import Bytes

/// A policy that is tried on the agents of a policy's name, beside the one that judges them: it decides nothing.
package struct Trial: Hashable, Sendable {
    /// Trials at once, at most; a new one of the same name ends the old one.
    package static let maximum = 8

    /// Tells it from all others.
    package let number: UInt64
    /// The name whose agents it is tried on.
    package let policyName: String
    /// SHA-256 of the tried policy's source.
    package let contentHash: Digest
    /// In seconds since 1970.
    package let startedAt: Int64
    /// From then on nobody is asked any more, in seconds since 1970.
    package let expiresAt: Int64

    /// Whether agents are asked.
    ///
    /// - Parameter time: seconds since 1970.
    package func isUnderWay(at time: Int64) -> Bool {
        Age.isUnderWay(since: startedAt, until: expiresAt, at: time)
    }
}

/// What a trial came to for one agent: the same log of the same boot, judged by both policies.
package struct TrialResult: Hashable, Sendable {
    /// Whose log it was.
    package let agent: AgentID
    /// Records that the quote vouched for.
    package let appraisedRecords: UInt64
    /// The verdict under the policy that judges, and its content hash; nil for no policy.
    package let assignedTier: Tier
    package let assignedHash: Digest?
    /// What the verdict would be under the tried policy.
    package let tier: Tier
    /// What it would find.
    package let findings: Findings
    /// In seconds since 1970.
    package let givenAt: Int64

    /// What a trial came to.
    package init(
        agent: AgentID, appraisedRecords: UInt64, assignedTier: Tier, assignedHash: Digest?, tier: Tier,
        findings: Findings, givenAt: Int64
    ) {
        self.agent = agent
        self.appraisedRecords = appraisedRecords
        self.assignedTier = assignedTier
        self.assignedHash = assignedHash
        self.tier = tier
        self.findings = findings
        self.givenAt = givenAt
    }
}

extension Trial: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        number = try reader.integer()
        policyName = try reader.text()
        contentHash = try reader.digest()
        startedAt = try reader.time()
        expiresAt = try reader.time()
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(number)
        writer.field(policyName.utf8)
        writer.digest(contentHash)
        writer.time(startedAt)
        writer.time(expiresAt)
    }
}

extension TrialResult: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        agent = try AgentID(reader.field())
        appraisedRecords = try reader.integer()
        assignedTier = try reader.word()
        assignedHash = try reader.optional { try $0.digest() }
        tier = try reader.word()
        givenAt = try reader.time()
        findings = try StoredFindings(reading: &reader).findings
    }

    func write(to writer: inout ByteWriter) {
        writer.field(agent.bytes)
        writer.integer(appraisedRecords)
        writer.word(assignedTier)
        writer.optional(assignedHash) { $0.digest($1) }
        writer.word(tier)
        writer.time(givenAt)
        StoredFindings(findings).write(to: &writer)
    }
}
