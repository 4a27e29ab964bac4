import Appraisal
import Bytes

// Logs on their way. Nothing here is a verdict, and no generation is counted up: only the agent's next session reads it.
extension Store {
    /// Keeps what is known of a log on its way, in place of what was kept before.
    ///
    /// - Parameter limit: bytes that it may take; what was kept before stays if it doesn't fit.
    /// - Returns: false if it doesn't fit, or if what it rests on no longer holds: then nothing was written.
    @discardableResult
    package func remember(
        _ scratch: Scratch, of id: AgentID, limit: Int = .max
    ) async throws(StoreError) -> Bool {
        let value = scratch.stored
        guard value.count <= limit else { return false }
        let schema = schema
        return try await writer.perform { (transaction, changes) throws(StoreError) in
            guard try schema.isBasis(scratch.basis, of: id, transaction) else { return false }
            changes.put(id.key, value, in: schema.scratch)
            return true
        }
    }

    /// Drops what is kept of a log on its way.
    ///
    /// - Parameters:
    ///   - record: where it led astray, for the history; nil writes nothing there.
    ///   - time: seconds since 1970.
    package func forgetScratch(
        of id: AgentID, ledAstrayAt record: UInt64? = nil, at time: Int64
    ) async throws(StoreError) {
        let schema = schema
        try await writer.perform { (transaction, changes) throws(StoreError) in
            changes.delete(id.key, in: schema.scratch)
            guard let record, try transaction.bytes(of: id.key, in: schema.agents) != nil else { return }
            try schema.record([.scratchDropped(record: record)], of: id, at: time, transaction, &changes)
        }
    }

    /// Drops what was kept of logs whose agents have not come back.
    ///
    /// - Parameters:
    ///   - lifetime: in seconds; what is older goes, and what can't be read.
    ///   - time: now, in seconds since 1970.
    /// - Returns: how many there were.
    @discardableResult
    package func forgetScratch(olderThan lifetime: Int64, at time: Int64) async throws(StoreError) -> Int {
        let schema = schema
        let old = try environment.read { (transaction) throws(StoreError) in
            try schema.scratchKeys(olderThan: lifetime, at: time, transaction)
        }
        guard !old.isEmpty else { return 0 }
        return try await writer.perform { (transaction, changes) throws(StoreError) in
            let old = try schema.scratchKeys(olderThan: lifetime, at: time, transaction)
            for key in old { changes.delete(key, in: schema.scratch) }
            return old.count
        }
    }
}

// Going back.
extension Store {
    /// Has an agent's log appraised again. The last verdict, its keys and its position stand until that is done.
    ///
    /// - Parameters:
    ///   - record: the record from which on the log is to be appraised again.
    ///   - time: seconds since 1970.
    /// - Returns: the record that it begins with as things stand: the last position kept at or before the one named.
    /// - Throws: `notFound` for an agent that isn't enrolled.
    @discardableResult
    package func requestReattestation(
        of id: AgentID, from record: UInt64 = 0, at time: Int64
    ) async throws(StoreError) -> UInt64 {
        let schema = schema
        return try await changing { (transaction, changes) throws(StoreError) in
            let agent = try schema.agent(id, transaction)
            let state: AttestationState? = try transaction.load(of: id, in: schema.states)
            try Self.require(record, before: state?.nextRecord ?? 0, of: id)
            let request = Reattestation(
                number: try schema.nextGeneration(transaction), firstRecord: record, requestedAt: time)
            changes.put(id.key, request.stored, in: schema.reattestations)
            changes.delete(id.key, in: schema.scratch)
            try schema.record([.reattestationRequested(from: record)], of: id, at: time, transaction, &changes)
            let denials = try schema.denials(transaction)
            return try schema.position(of: agent, state, for: request, denials, transaction)?.appraisal.nextRecord ?? 0
        }
    }

    /// Record 0 can always be asked for; another one only if it was appraised.
    private static func require(_ record: UInt64, before end: UInt64, of id: AgentID) throws(StoreError) {
        guard record > 0, record >= end else { return }
        let appraised =
            end == 0 ? "no record of its log is appraised yet" : "of its log the records 0 to \(end - 1) are appraised"
        throw StoreError(
            .invalidArgument, "record \(record) can't be appraised again: \(appraised)", at: .init(agent: id.bytes))
    }

    /// Whether an agent's verdict was given under what no longer holds: another policy, other keys denied; or an operator
    /// has asked for another, tries a policy, or wants to make one of its log. Then a round is due at once.
    ///
    /// - Parameter time: seconds since 1970.
    ///
    /// - Throws: `notFound` for an agent that isn't enrolled.
    package func isRoundDue(for id: AgentID, at time: Int64 = currentTime()) throws(StoreError) -> Bool {
        try environment.read { (transaction) throws(StoreError) in
            if try transaction.bytes(of: id.key, in: schema.reattestations) != nil { return true }
            let agent = try schema.agent(id, transaction)
            if let trial = try? schema.trial(for: agent, transaction), trial.isUnderWay(at: time) { return true }
            if let request = try? schema.learning(of: id, transaction), request.isUnderWay(at: time) { return true }
            let policyHash = try schema.policyHash(of: agent, transaction)
            guard let state: AttestationState = try transaction.load(of: id, in: schema.states) else {
                let verdict: Verdict? = try transaction.load(of: id, in: schema.verdicts)
                return verdict.map { $0.policyHash != policyHash } ?? false
            }
            guard state.policyHash == policyHash else { return true }
            guard try schema.counter(Schema.MetaKey.denyGeneration, transaction) != state.denyGeneration else {
                return false
            }
            return try !schema.changedKeys(try schema.denials(transaction), state, of: id, transaction).isEmpty
        }
    }
}

extension Schema {
    /// Whether what a scratch rests on still holds, as far as another process can have changed it.
    fileprivate func isBasis(
        _ basis: Scratch.Basis, of id: AgentID, _ transaction: borrowing WriteTransaction
    ) throws(StoreError) -> Bool {
        guard let agent = try transaction.load(Agent.self, of: id, in: agents), agent.revokedAt == nil,
            agent.attestationKeyName == basis.attestationKeyName,
            try policyHash(of: agent, transaction) == basis.policyHash,
            try counter(MetaKey.denyGeneration, transaction) == basis.denyGeneration
        else { return false }
        let verdict: Verdict? = try transaction.load(of: id, in: verdicts)
        let state: AttestationState? = try transaction.load(of: id, in: states)
        let request: Reattestation? = try transaction.load(of: id, in: reattestations)
        return verdict?.number ?? 0 == basis.verdictNumber && state?.verdictNumber ?? 0 == basis.stateNumber
            && request?.number ?? 0 == basis.reattestation
    }

    /// The agents of whose logs nothing has come for so long.
    fileprivate func scratchKeys(
        olderThan lifetime: Int64, at time: Int64, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        try transaction.scan(scratch, prefix: []) { (key, value) throws(StoreError) in
            if let scratch = try? Scratch(stored: value, at: .init()),
                Age(of: scratch.transfer.updatedAt, at: time).isWithin(lifetime)
            {
                return true
            }
            keys.append([UInt8](copying: key))
            return true
        }
        return keys
    }

    /// What is kept of an agent's log on its way; a value that is damaged is none.
    func scratch(
        of id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> AgentSnapshot.KeptScratch? {
        do throws(StoreError) {
            return try transaction.load(Scratch.self, of: id, in: scratch).map { .usable($0) }
        } catch {
            guard error.code == .damaged else { throw error }
            return .damaged(error)
        }
    }
}
