import Appraisal
import AssayCrypto
import Bytes
import TPM

// What is kept of the past: written in the transaction of what happened.
extension Schema {
    /// Adds a verdict to its agent's history, with the events that it brings, and keeps the history within its bounds.
    func remember(
        _ verdict: Verdict, of outcome: Outcome, after last: Verdict?, _ state: AttestationState?,
        _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        let id = outcome.agent
        let now = verdict.givenAt
        let resetCount = outcome.progress?.clockInfo.resetCount
        let key = numberedKey(HistoryPage.number(of: verdict.number), of: id)
        // A page that is damaged is begun anew: the past is no reason to refuse a verdict.
        var page = ((try? transaction.load(HistoryPage.self, key: key, of: id, in: history)) ?? nil) ?? HistoryPage([])
        page.verdicts.removeAll { $0.verdict.number >= verdict.number }
        page.verdicts.append(PastVerdict(verdict: verdict, resetCount: resetCount))
        changes.put(key, page.stored, in: history)
        let full = UInt64(clamping: bounds.full)
        var losesFindings = false
        if verdict.number > full {
            // Whether they go isn't told by their number alone.
            let key = numberedKey(verdict.number - full, of: id)
            losesFindings = try transaction.bytes(of: key, in: findings) != nil
        }
        if verdict.number.isMultiple(of: HistoryPage.length) || !outcome.findings.isEmpty || losesFindings {
            try thin(id, last: page, number: verdict.number, at: now, transaction, &changes)
        }
        var kinds: [Event.Kind] = []
        if last?.tier != verdict.tier { kinds.append(.tierChanged(from: last?.tier, to: verdict.tier)) }
        var isNewEpoch = false
        if let old = state?.clockInfo.resetCount, let resetCount, old != resetCount {
            isNewEpoch = true
            kinds.append(.epochChanged(from: old, to: resetCount))
        }
        if let old = state?.selection.banks.first?.bank, let new = outcome.progress?.selection.banks.first?.bank,
            old != new
        {
            kinds.append(.bankChanged(from: old, to: new))
        }
        if let progress = outcome.progress {
            kinds += try noteKeys(
                outcome.basis.keyrings, progress, isNewEpoch, of: id, at: now, transaction, &changes)
        }
        try record(kinds, of: id, at: now, transaction, &changes)
    }

    /// Records events of an agent; nil for those of the store as a whole. The oldest make room, those that a host brings
    /// about before an operator's. Of each kind that joining hosts bring about only a few are kept, the newest.
    func record(
        _ kinds: [Event.Kind], of id: AgentID?, at time: Int64, _ transaction: borrowing WriteTransaction,
        _ changes: inout Changes
    ) throws(StoreError) {
        guard !kinds.isEmpty else { return }
        let prefix = id?.key ?? Self.storeKey
        var number = try counter(MetaKey.eventNumber, transaction)
        var crowded: Set<[UInt8]> = []
        for kind in kinds where kind.origin == .joining {
            crowded.formUnion(try events(of: kind.word, prefix, transaction).dropLast(roomForJoins - 1).map(\.key))
        }
        for key in crowded { changes.delete(key, in: events) }
        var keys: [[UInt8]] = []
        try transaction.scan(events, prefix: prefix) { (key, _) throws(StoreError) in
            let key = [UInt8](copying: key)
            if !crowded.contains(key) { keys.append(key) }
            return true
        }
        for kind in kinds {
            number &+= 1
            var event = Event(time: time, kind: kind)
            event.number = number
            changes.put(prefix + bigEndian(number), event.stored, in: events)
        }
        let room = max(0, (id == nil ? Self.storeEvents : bounds.events) - kinds.count)
        if keys.count > room {
            for key in try dispensable(keys, room: room, transaction) { changes.delete(key, in: events) }
        }
        changes.put(MetaKey.eventNumber, bigEndian(number), in: meta)
    }

    /// The events that make room for others: the oldest that a host has brought about, while those have half the room, and
    /// then the oldest of all others. So a host can't push out what an operator did, nor an operator all that a host did.
    ///
    /// - Parameter keys: of events, ascending by number.
    private func dispensable(
        _ keys: [[UInt8]], room: Int, _ transaction: borrowing WriteTransaction
    ) throws(StoreError) -> [[UInt8]] {
        var ofHost: [[UInt8]] = []
        var others: [[UInt8]] = []
        for key in keys {
            let event = (try? transaction.load(Event.self, key: key, in: events)) ?? nil
            if event?.kind.origin == .verifier { others.append(key) } else { ofHost.append(key) }
        }
        let excess = keys.count - room
        let gone = ofHost.prefix(min(excess, max(0, ofHost.count - room / 2)))
        return Array(gone) + Array((others + ofHost.dropFirst(gone.count)).prefix(excess - gone.count))
    }

    /// Events of one word that can be read, ascending by number.
    ///
    /// - Parameter prefix: an agent's key, or ``storeKey``.
    func events(
        of word: Event.Kind.Word, _ prefix: [UInt8], _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> [(key: [UInt8], time: Int64)] {
        var found: [(key: [UInt8], time: Int64)] = []
        try transaction.scan(events, prefix: prefix) { (key, value) throws(StoreError) in
            if let event = try? Event(stored: value, at: .init()), event.kind.word == word {
                found.append(([UInt8](copying: key), event.time))
            }
            return true
        }
        return found
    }

    /// Events of one kind that joining hosts bring about and that are kept of an agent.
    var roomForJoins: Int { max(1, min(8, bounds.events / 10)) }

    /// What events of the store as a whole have in an agent's place: no id is empty.
    static let storeKey: [UInt8] = [0]
    /// Events of the store as a whole that are kept.
    private static let storeEvents = 1000

    /// An agent and a number: entries sort by it.
    func numberedKey(_ number: UInt64, of id: AgentID) -> [UInt8] { id.key + bigEndian(number) }

    func bigEndian(_ number: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(number)
        return writer.bytes
    }
}

extension Schema {
    /// Keeps an agent's history within its bounds.
    ///
    /// - Parameter last: the newest page, which need not be written yet.
    func thin(
        _ id: AgentID, last: HistoryPage, number: UInt64, at time: Int64, _ transaction: borrowing WriteTransaction,
        _ changes: inout Changes
    ) throws(StoreError) {
        var stored: [UInt64: HistoryPage] = [:]
        try transaction.scan(history, prefix: id.key) { (key, value) throws(StoreError) in
            guard let page = Self.number(in: key) else { return true }
            stored[page] = (try? HistoryPage(stored: value, at: .init())) ?? HistoryPage([])
            return true
        }
        stored[HistoryPage.number(of: number)] = last
        let verdicts = stored.values.flatMap(\.verdicts).sorted { $0.verdict.number < $1.verdict.number }
        // At the beginning of a page, for as many as the page will take.
        let limit = max(1, bounds.verdicts - Int(HistoryPage.length) + 1)
        let exceeds = verdicts.count > bounds.verdicts || number.isMultiple(of: HistoryPage.length)
        var kept = bounds.thinned(verdicts, to: exceeds ? limit : bounds.verdicts, at: time)
        try drop(
            findingsOf: id, from: number, but: bounds.lasting(verdicts), room: bounds.bytes - kept.count * 64,
            transaction, &changes)
        let most = max(1, bounds.bytes / 64)
        if kept.count > most { kept = bounds.thinned(kept, to: most, at: time) }
        let pages = Dictionary(grouping: kept) { HistoryPage.number(of: $0.verdict.number) }
        for (page, old) in stored {
            let key = numberedKey(page, of: id)
            guard let verdicts = pages[page] else {
                changes.delete(key, in: history)
                continue
            }
            if verdicts != old.verdicts { changes.put(key, HistoryPage(verdicts).stored, in: history) }
        }
    }

    /// Removes findings of verdicts that are too old to have any, and then the oldest until they fit. Those of the last
    /// verdict, which is about to be written, stay, and so do those that last.
    private func drop(
        findingsOf id: AgentID, from number: UInt64, but lasting: Set<UInt64>, room: Int,
        _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        var sizes: [(number: UInt64, size: Int)] = []
        try transaction.scan(findings, prefix: id.key) { (key, value) throws(StoreError) in
            if let of = Self.number(in: key), of != Self.carriedFindings, of < number, !lasting.contains(of) {
                sizes.append((of, value.count))
            }
            return true
        }
        var room = room
        for (of, size) in sizes.reversed() {
            room -= size
            if room < 0 || number - of >= UInt64(clamping: bounds.full) {
                changes.delete(numberedKey(of, of: id), in: findings)
            }
        }
    }

    /// The number at a key's end.
    static func number(in key: Span<UInt8>) -> UInt64? {
        guard key.count > 8 else { return nil }
        return (key.count - 8..<key.count).reduce(0) { $0 << 8 | UInt64(key[$1]) }
    }

    /// Writes down which keys came and which are gone, for longer than the model of one epoch lasts.
    private func noteKeys(
        _ old: KeyringModel, _ progress: Outcome.Progress, _ isNewEpoch: Bool, of id: AgentID, at time: Int64,
        _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) -> [Event.Kind] {
        let new = progress.appraisal.keyrings
        guard isNewEpoch || new.keyrings != old.keyrings else { return [] }
        let before = StoredKey.entries(of: old, agent: id)
        let after = StoredKey.entries(of: new, agent: id)
        let resetCount = progress.clockInfo.resetCount
        var events: [Event.Kind] = []
        for (key, entry) in after where isNewEpoch || before[key] != entry {
            if before[key] == nil { events.append(.keyLearned(keyring: entry.keyring, key: entry.key.fingerprint)) }
            let known = (try? transaction.load(KeySighting.self, key: key, of: id, in: keyHistory)) ?? nil
            var sighting = known ?? KeySighting(entry.key, on: entry.keyring, resetCount: resetCount)
            if known != nil { sighting.appear(entry.key, resetCount: resetCount) }
            changes.put(key, sighting.stored, in: keyHistory)
        }
        for (key, entry) in before where after[key] == nil {
            events.append(.keyGone(keyring: entry.keyring, key: entry.key.fingerprint))
            let known = (try? transaction.load(KeySighting.self, key: key, of: id, in: keyHistory)) ?? nil
            var sighting = known ?? KeySighting(entry.key, on: entry.keyring, resetCount: resetCount)
            sighting.goneAt = time
            changes.put(key, sighting.stored, in: keyHistory)
        }
        try forgetGoneKeys(of: id, keeping: after, transaction, &changes)
        return events
    }

    /// Keys that are gone are forgotten, the oldest first, when there are too many.
    private func forgetGoneKeys(
        of id: AgentID, keeping present: [[UInt8]: StoredKey], _ transaction: borrowing WriteTransaction,
        _ changes: inout Changes
    ) throws(StoreError) {
        var gone: [(key: [UInt8], lastSeen: Int64)] = []
        var count = present.count
        try transaction.scan(keyHistory, prefix: id.key) { (key, value) throws(StoreError) in
            let key = [UInt8](copying: key)
            guard present[key] == nil else { return true }
            count += 1
            gone.append((key, (try? KeySighting(stored: value, at: .init()))?.lastSeen ?? .min))
            return true
        }
        gone.sort { $0.lastSeen < $1.lastSeen }
        for (key, _) in gone.prefix(max(0, count - bounds.events)) { changes.delete(key, in: keyHistory) }
    }
}
