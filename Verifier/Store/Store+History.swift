package import Appraisal
package import AssayCrypto

// What commands read of the past.
extension Store {
    /// The verdicts that are kept of an agent, ascending.
    package func history(of id: AgentID) throws(StoreError) -> [PastVerdict] {
        try environment.read { (transaction) throws(StoreError) in
            _ = try schema.agent(id, transaction)
            var verdicts: [PastVerdict] = []
            try transaction.scan(schema.history, prefix: id.key) { (_, value) throws(StoreError) in
                verdicts += try HistoryPage(
                    stored: value, at: .init(database: schema.history.name, agent: id.bytes)
                ).verdicts
                return true
            }
            return verdicts
        }
    }

    /// The findings of a verdict; nil if they are no longer kept, or if it had none.
    package func findings(ofVerdict number: UInt64, of id: AgentID) throws(StoreError) -> Findings? {
        try environment.read { (transaction) throws(StoreError) in
            try transaction.load(
                StoredFindings.self, key: schema.numberedKey(number, of: id), of: id, in: schema.findings)?.findings
        }
    }

    /// The events that are kept of an agent, and those of the store that denied or allowed a key that it has or had;
    /// ascending.
    package func events(of id: AgentID) throws(StoreError) -> [Event] {
        let keys = Set(try keyHistory(of: id).map(\.fingerprint))
        return try environment.read { (transaction) throws(StoreError) in
            _ = try schema.agent(id, transaction)
            var events = try schema.events(of: id, transaction)
            for event in try schema.events(of: nil, transaction) {
                switch event.kind {
                case .keyDenied(let key), .keyAllowed(let key): if keys.contains(key) { events.append(event) }
                default: continue
                }
            }
            return events.sorted { $0.number < $1.number }
        }
    }

    /// The events that are kept of the store as a whole, ascending.
    package func events() throws(StoreError) -> [Event] {
        try environment.read { (transaction) throws(StoreError) in try schema.events(of: nil, transaction) }
    }

    /// The keys that an agent's keyrings ever had, as far as they are kept; by keyring, then by when they came.
    package func keyHistory(of id: AgentID) throws(StoreError) -> [KeySighting] {
        try environment.read { (transaction) throws(StoreError) in
            _ = try schema.agent(id, transaction)
            var keys: [KeySighting] = []
            try transaction.scan(schema.keyHistory, prefix: id.key) { (_, value) throws(StoreError) in
                keys.append(
                    try KeySighting(stored: value, at: .init(database: schema.keyHistory.name, agent: id.bytes)))
                return true
            }
            return keys.sorted {
                $0.keyring == $1.keyring
                    ? ($0.firstSeen, $0.record) < ($1.firstSeen, $1.record)
                    : $0.keyring.lexicographicallyPrecedes($1.keyring)
            }
        }
    }

    /// What operators call a key: the SHA-256 of its SubjectPublicKeyInfo, or of a certificate that brought it.
    ///
    /// - Returns: the first, for a hash that any agent's keyring knows as either; nil for any other. It reads all keys.
    package func keyHash(for hash: Digest) throws(StoreError) -> Digest? {
        try environment.read { (transaction) throws(StoreError) in
            var found: Digest?
            let place = StoreError.Place(database: schema.keyrings.name)
            try transaction.scan(schema.keyrings, prefix: []) { (_, value) throws(StoreError) in
                // Another agent's damaged value is not this command's matter.
                guard let key = try? StoredKey(stored: value, at: place).key,
                    key.fingerprint == hash || key.certificateFingerprint == hash
                        || PCRBank.sha256.digest(of: key.material.subjectPublicKeyInfo) == hash
                else { return true }
                found = key.fingerprint
                return false
            }
            guard found == nil else { return found }
            try transaction.scan(schema.keyHistory, prefix: []) { (_, value) throws(StoreError) in
                guard let key = try? KeySighting(stored: value, at: place),
                    key.fingerprint == hash || key.certificateFingerprint == hash
                else { return true }
                found = key.fingerprint
                return false
            }
            return found
        }
    }
}

extension Schema {
    fileprivate func events(
        of id: AgentID?, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> [Event] {
        var list: [Event] = []
        try transaction.scan(events, prefix: id?.key ?? Self.storeKey) { (_, value) throws(StoreError) in
            list.append(try Event(stored: value, at: .init(database: events.name, agent: id?.bytes)))
            return true
        }
        return list
    }
}
