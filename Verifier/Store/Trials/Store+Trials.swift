package import AssayCrypto
import Bytes

// Trials of policies: a command begins one, the server's sessions answer it, the command reads the answers and ends it.
extension Store {
    /// Begins a trial. Trials that are over are dropped, and so is one of the same name.
    ///
    /// - Parameters:
    ///   - name: the policy's name whose agents are asked.
    ///   - contentHash: SHA-256 of the tried policy's source.
    ///   - compiled: its compiled form.
    ///   - lifetime: seconds for which agents are asked.
    /// - Throws: `notFound` if there is no such policy; `inUse` while there are too many trials.
    package func startTrial(
        of name: String, contentHash: Digest, compiled: [UInt8], at time: Int64, lifetime: Int64
    ) async throws(StoreError) -> Trial {
        let schema = schema
        return try await changing { (transaction, changes) throws(StoreError) in
            try schema.requirePolicy(name, transaction)
            var left = 0
            for trial in try schema.trials(transaction) {
                guard trial.isUnderWay(at: time), trial.policyName != name else {
                    try schema.drop(trial: trial.number, transaction, &changes)
                    continue
                }
                left += 1
            }
            guard left < Trial.maximum else {
                throw StoreError(
                    .inUse, "\(left) policies are being tried", at: .init(database: schema.trials.name))
            }
            let trial = Trial(
                number: try schema.nextGeneration(transaction), policyName: name,
                contentHash: contentHash, startedAt: time, expiresAt: time &+ lifetime)
            changes.put(schema.bigEndian(trial.number), trial.stored, in: schema.trials)
            changes.put(schema.bigEndian(trial.number) + [0], StoredPolicy(compiled).stored, in: schema.trials)
            return trial
        }
    }

    /// Ends a trial, and forgets all of it.
    package func endTrial(_ number: UInt64) async throws(StoreError) {
        try await change { (schema, transaction, changes) throws(StoreError) in
            try schema.drop(trial: number, transaction, &changes)
        }
    }

    /// The compiled form of the policy that a trial tries; nil if the trial is over.
    package func policy(of trial: Trial) throws(StoreError) -> [UInt8]? {
        try environment.read { (transaction) throws(StoreError) in
            try transaction.load(
                StoredPolicy.self, key: schema.bigEndian(trial.number) + [0], in: schema.trials)?.bytes
        }
    }

    /// Keeps what a trial came to for an agent; nothing if the trial is over.
    package func keep(_ result: TrialResult, of trial: UInt64) async throws(StoreError) {
        let schema = schema
        // Not through `change`: an answer is no reason for a server to look at everything again.
        try await writer.perform { (transaction, changes) throws(StoreError) in
            let key = schema.bigEndian(trial)
            guard try transaction.bytes(of: key, in: schema.trials) != nil else { return }
            changes.put(key + result.agent.key, result.stored, in: schema.trials)
        }
    }

    /// The answers to a trial that are there, ascending by agent.
    package func results(of trial: UInt64) throws(StoreError) -> [TrialResult] {
        try environment.read { (transaction) throws(StoreError) in
            var results: [TrialResult] = []
            let prefix = schema.bigEndian(trial)
            try transaction.scan(schema.trials, prefix: prefix) { (key, value) throws(StoreError) in
                // The trial itself, its policy, then the agents.
                guard key.count > prefix.count + 1 else { return true }
                results.append(try TrialResult(stored: value, at: .init(database: schema.trials.name)))
                return true
            }
            return results
        }
    }
}

extension Schema {
    /// All trials, ascending by number.
    func trials(_ transaction: borrowing some Transaction & ~Copyable) throws(StoreError) -> [Trial] {
        var trials: [Trial] = []
        var start: [UInt8]? = nil
        repeat {
            let from = start
            start = nil
            // Between one trial and the next lie its answers: they are jumped over.
            try transaction.scan(self.trials, prefix: [], from: from) { (_, value) throws(StoreError) in
                let trial = try Trial(stored: value, at: .init(database: self.trials.name))
                trials.append(trial)
                start = bigEndian(trial.number &+ 1)
                return false
            }
        } while start != nil
        return trials
    }

    /// The newest trial that an agent is to answer and hasn't; whether it is over is the caller's to ask.
    func trial(
        for agent: Agent, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> Trial? {
        guard let name = agent.policyName,
            let trial = try trials(transaction).last(where: { $0.policyName == name }),
            try transaction.bytes(of: bigEndian(trial.number) + agent.id.key, in: trials) == nil
        else { return nil }
        return trial
    }

    fileprivate func drop(
        trial number: UInt64, _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        var keys: [[UInt8]] = []
        try transaction.scan(trials, prefix: bigEndian(number)) { (key, _) throws(StoreError) in
            keys.append([UInt8](copying: key))
            return true
        }
        for key in keys { changes.delete(key, in: trials) }
    }
}
