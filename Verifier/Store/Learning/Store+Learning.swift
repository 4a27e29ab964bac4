import Bytes

// What an agent's log holds: a command asks, the agent's next round answers, the command reads the answer and ends it.
extension Store {
    /// Asks for what an agent's whole log holds, in place of an earlier request.
    ///
    /// - Parameter lifetime: seconds for which the agent is asked.
    /// - Throws: `notFound` for an agent that isn't enrolled, or is revoked; `inUse` while there are too many.
    package func requestLearning(
        of id: AgentID, at time: Int64, lifetime: Int64
    ) async throws(StoreError) -> LearningRequest {
        let schema = schema
        return try await changing { (transaction, changes) throws(StoreError) in
            let agent = try schema.agent(id, transaction)
            guard agent.revokedAt == nil else {
                throw StoreError(.notFound, "a revoked agent isn't asked for its log", at: .init(agent: id.bytes))
            }
            try schema.drop(learningOf: id.key, transaction, &changes)
            var others = 0
            for (key, request) in try schema.learningRequests(transaction) where key != id.key {
                if request?.isUnderWay(at: time) == true { others += 1 }
            }
            guard others < LearningRequest.maximum else {
                throw StoreError(
                    .inUse, "the logs of \(others) other agents are being learned",
                    at: .init(database: schema.learning.name))
            }
            let request = LearningRequest(
                number: try schema.nextGeneration(transaction), requestedAt: time, expiresAt: time &+ lifetime)
            changes.put(id.key, request.stored, in: schema.learning)
            try schema.record([.learningRequested], of: id, at: time, transaction, &changes)
            return request
        }
    }

    /// Ends a request, and forgets its answer.
    package func endLearning(of id: AgentID) async throws(StoreError) {
        try await change { (schema, transaction, changes) throws(StoreError) in
            try schema.drop(learningOf: id.key, transaction, &changes)
        }
    }

    /// Forgets requests, and their answers, whose commands have been killed.
    package func forgetLearning(at time: Int64) async throws(StoreError) {
        let schema = schema
        try await writer.perform { (transaction, changes) throws(StoreError) in
            for (key, request) in try schema.learningRequests(transaction)
            where request?.isForgotten(at: time) ?? true {
                try schema.drop(learningOf: key, transaction, &changes)
            }
        }
    }

    /// Keeps the answer to a request; nothing if that is over.
    package func keep(
        _ answer: LearningAnswer, to request: LearningRequest, of id: AgentID
    ) async throws(StoreError) {
        let schema = schema
        // Not on the writer's thread, for others wait for it: a log may hold a million files.
        let stored = answer.stored
        // Not through `change`: an answer is no reason for a server to look at everything again.
        try await writer.perform { (transaction, changes) throws(StoreError) in
            let standing: LearningRequest? = try transaction.load(of: id, in: schema.learning)
            guard standing == request else { return }
            changes.put(schema.numberedKey(request.number, of: id), stored, in: schema.learning)
        }
    }

    /// The answer to a request; nil while there is none.
    package func answer(to request: LearningRequest, of id: AgentID) throws(StoreError) -> LearningAnswer? {
        try environment.read { (transaction) throws(StoreError) in
            try transaction.load(key: schema.numberedKey(request.number, of: id), of: id, in: schema.learning)
        }
    }
}

extension Schema {
    /// What an agent is to be asked for, and hasn't answered; whether it is over is the caller's to ask.
    func learning(
        of id: AgentID, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> LearningRequest? {
        guard let request: LearningRequest = try transaction.load(of: id, in: learning),
            try transaction.value(of: numberedKey(request.number, of: id), in: learning, { _ in true }) == nil
        else { return nil }
        return request
    }

    /// Whether a key is a request's and not an answer's: an agent's key, which ends in 0, without the number that follows
    /// it in an answer's.
    static func isLearningRequest(_ key: [UInt8]) -> Bool { key.firstIndex(of: 0) == key.count - 1 }

    /// Requests by their agents' keys; nil for one that is damaged.
    fileprivate func learningRequests(
        _ transaction: borrowing WriteTransaction
    ) throws(StoreError) -> [(key: [UInt8], request: LearningRequest?)] {
        var requests: [([UInt8], LearningRequest?)] = []
        try transaction.scan(learning, prefix: []) { (key, value) throws(StoreError) in
            let key = [UInt8](copying: key)
            guard Schema.isLearningRequest(key) else { return true }
            requests.append((key, try? LearningRequest(stored: value, at: .init())))
            return true
        }
        return requests
    }

    fileprivate func drop(
        learningOf key: [UInt8], _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        var keys: [[UInt8]] = []
        try transaction.scan(learning, prefix: key) { (key, _) throws(StoreError) in
            keys.append([UInt8](copying: key))
            return true
        }
        for key in keys { changes.delete(key, in: learning) }
    }
}
