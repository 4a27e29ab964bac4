import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Messages
import Store
import Terminal

extension AgentsCommand {
    /// Tells an agent's story.
    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell an agent's past: its verdicts, and what happened between them.",
            discussion: """
                Older verdicts are thinned: those that only repeat the one before them go first. How much is kept: \
                history.* in the configuration.
                """)

        @OptionGroup var options: StoreOptions

        @Argument(help: "The agent's identity.", completion: .agents)
        var id: String

        @Option(help: ArgumentHelp("Only the last so many lines.", valueName: "count"))
        var last: Int?

        @Flag(help: "With each verdict's findings, as far as they are kept.")
        var findings = false

        @Flag(help: "One JSON object a line.")
        var json = false

        func validate() throws {
            guard last ?? 1 > 0 else { throw ValidationError("--last is 1 or more") }
        }

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let (entries, names) = try await reported { (try read(store), try keyNames(store)) }
            if entries.isEmpty { return Output.notice("nothing is known of its past") }
            for entry in entries.suffix(last ?? entries.count) {
                if json {
                    Output.line(try jsonLine(entry))
                } else {
                    entry.show(naming: names)
                }
            }
        }

        /// What the certificates of the agent's keys are called, as `keyrings show` has it.
        private func keyNames(_ store: Store) throws -> [Digest: String] {
            var names: [Digest: String] = [:]
            for key in try store.keyHistory(of: AgentID(id)) { names[key.fingerprint] = key.subject }
            return names
        }

        /// Verdicts in the order in which they came, events likewise, and among each other by time: a clock that was
        /// ahead for a while doesn't turn the order round.
        private func read(_ store: Store) throws -> [PastEntry] {
            let id = try AgentID(id)
            let verdicts = try store.history(of: id).map { past in
                let kept = try findings ? store.findings(ofVerdict: past.verdict.number, of: id)?.kept : nil
                return PastEntry.verdict(past, findings: kept ?? [])
            }
            let events = try store.events(of: id).map(PastEntry.event)
            return Self.merged(verdicts, events)
        }

        /// The store's times are whole seconds: within one, what a verdict has brought about stands behind that verdict.
        private static func merged(_ verdicts: [PastEntry], _ events: [PastEntry]) -> [PastEntry] {
            var merged: [PastEntry] = []
            var events = events[...]
            var tier: Appraisal.Tier?
            for verdict in verdicts {
                while let event = events.first, (event.time, event.rank) < (verdict.time, verdict.rank) {
                    merged.append(event)
                    events.removeFirst()
                }
                merged.append(verdict)
                // A verdict of another tier records that first; the next such event is a later verdict's.
                var mayChangeTier = verdict.tier != tier
                tier = verdict.tier
                while let event = events.first, event.time == verdict.time, event.rank > verdict.rank,
                    mayChangeTier || event.tier == nil
                {
                    mayChangeTier = false
                    merged.append(event)
                    events.removeFirst()
                }
            }
            return merged + events
        }
    }
}

/// A line of an agent's past.
private enum PastEntry: Encodable {
    case verdict(PastVerdict, findings: [Finding])
    case event(Event)

    var time: Int64 {
        switch self {
        case .verdict(let past, _): past.verdict.givenAt
        case .event(let event): event.time
        }
    }

    /// A verdict's tier, or the one that an event says the tier has become.
    var tier: Appraisal.Tier? {
        switch self {
        case .verdict(let past, _): past.verdict.tier
        case .event(let event):
            if case .tierChanged(_, let tier) = event.kind { tier } else { nil }
        }
    }

    /// Within a second: what an operator did, verdicts, and what these have brought about.
    var rank: Int {
        switch self {
        case .verdict: return 1
        case .event(let event):
            switch event.kind {
            case .tierChanged, .epochChanged, .keyLearned, .keyGone: return 2
            default: return 0
            }
        }
    }

    func show(naming names: [Digest: String]) {
        switch self {
        case .verdict(let past, let findings):
            let tier = past.verdict.tier
            let word = Output.medium.styled(tier.rawValue, tier.style)
            var line = "verdict \(readableCount(past.verdict.number)): \(word), "
            line += "\(readableCount(past.verdict.appraisedRecords)) records"
            if let resetCount = past.resetCount { line += " of boot epoch \(resetCount)" }
            let reasons = past.verdict.byReason.byName
            if !reasons.isEmpty { line += ": " + reasons.phrase }
            Output.paragraph("\(readableTime(time))  ", line)
            for finding in findings { finding.show(indentedBy: 4) }
        case .event(let event): Output.paragraph("\(readableTime(time))  ", event.kind.sentence(naming: names))
        }
    }

    private enum Keys: String, CodingKey {
        case kind, time, number, tier, findings
        case verdictTime = "verdict_time"
        case policySHA256 = "policy_sha256"
        case resetCount = "reset_count"
        case appraisedRecords = "appraised_records"
        case excessRecords = "excess_records"
        case findingsByReason = "findings_by_reason"
        case event, subject, from, to
    }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Keys.self)
        try object.encode(time, forKey: .time)
        switch self {
        case .verdict(let past, let findings):
            try object.encode("verdict", forKey: .kind)
            try object.encode(past.verdict.number, forKey: .number)
            try object.encode(past.verdict.tier.rawValue, forKey: .tier)
            try object.encode(past.verdict.challengedAt, forKey: .verdictTime)
            try object.encode(past.verdict.policyHash?.description, forKey: .policySHA256)
            try object.encode(past.resetCount, forKey: .resetCount)
            try object.encode(past.verdict.appraisedRecords, forKey: .appraisedRecords)
            try object.encode(past.verdict.excessRecords, forKey: .excessRecords)
            try object.encode(past.verdict.byReason.byName, forKey: .findingsByReason)
            try object.encode(findings.map(\.reported), forKey: .findings)
        case .event(let event):
            try object.encode("event", forKey: .kind)
            try object.encode(event.number, forKey: .number)
            try object.encode(event.kind.word.rawValue, forKey: .event)
            try object.encode(event.kind.subject, forKey: .subject)
            try object.encode(event.kind.change?.from, forKey: .from)
            try object.encode(event.kind.change?.to, forKey: .to)
        }
    }
}
