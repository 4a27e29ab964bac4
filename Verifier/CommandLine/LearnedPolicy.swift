import Appraisal
import AssayCrypto
import Bytes
import Messages
import Store
import Terminal

/// The policy that a name stood for before another was learned.
struct FormerPolicy {
    /// Nil if it is signed: it can't be read without its signer's key.
    let document: PolicyDocument?
}

/// A policy that was made of a host's log, and what its operator is to know before it judges anybody.
struct LearnedPolicy {
    /// How many of a kind are shown.
    private static let shownLimit = 20

    private let agent: AgentID
    private let name: String
    private let answer: LearningAnswer
    private let contents: LogContents
    private let survey: PolicySurvey
    private let changes: [PolicyDifference.Change]?
    private let formerIsSigned: Bool
    /// The policy as it is stored.
    let source: [UInt8]
    let policy: Policy

    /// Makes the policy.
    ///
    /// - Parameters:
    ///   - former: what has the name now; nil for nothing that changes.
    ///   - isExtended: whether the former one is added to.
    ///   - lists: of expressions to exclude.
    /// - Throws: what to tell the operator if nothing can be learned; `PolicyError` for excludes that can't be used.
    init(
        _ answer: LearningAnswer, of agent: AgentID, named name: String, former: FormerPolicy?, isExtended: Bool,
        excluding lists: [ExcludeList]
    ) throws {
        contents = try Self.contents(of: answer, agent)
        let before = former?.document
        var draft = PolicyDraft(extending: isExtended ? before ?? PolicyDocument() : PolicyDocument())
        for list in lists { try draft.exclude(list) }
        draft.allow(contents)
        noteUnlistable(draft)
        let document = draft.document
        survey = try PolicySurvey(of: document)
        (source, policy) = try checked(document)
        changes = before.map { PolicyDifference(from: $0, to: document).changes }
        formerIsSigned = former != nil && before == nil
        self.agent = agent
        self.name = name
        self.answer = answer
    }

    private static func contents(of answer: LearningAnswer, _ agent: AgentID) throws(CommandFailure) -> LogContents {
        switch answer.lesson {
        case .contents(let contents): return contents
        case .unproved:
            let findings = answer.findings.kept.filter { !$0.isWarning }.prefix(shownLimit)
            let lines = ["\(agent): the log does not lead to its TPM's quote, so nothing is learned from it"]
            throw CommandFailure(
                .contraindicated, (lines + findings.map { "  \($0); \($0.remedy)" }).joined(separator: "\n"))
        case .tooLarge:
            throw CommandFailure(
                .unavailable,
                "\(agent): the log lists more than the server keeps in memory for a policy; make it of a file: on the host "
                    + "assay-agent shards cat > trusted.log, here assay-verifier policy create --log trusted.log")
        }
    }
}

// MARK: - For people

extension LearnedPolicy {
    func lines(on medium: Medium) -> [String] {
        summary + judged(on: medium) + remarks + excludes + difference
    }

    private var summary: [String] {
        let keys = survey.keyrings.map { "\(escaped($0.name)) \($0.keys)" }.joined(separator: ", ")
        return [
            "\(agent), boot epoch \(answer.resetCount): \(counted(Int(clamping: answer.appraisedRecords), "record")), vouched "
                + "for by a quote of its TPM",
            "  \(counted(survey.files, "file"))",
            "  \(counted(survey.keyrings.reduce(0) { $0 + $1.keys }, "key"))" + (keys.isEmpty ? "" : ": \(keys)"),
            "  \(counted(survey.buffers, "other buffer"))",
            "This is trust on first use: all that the host has run since it booted is taken for good.",
        ]
    }

    /// What the policy that judges the host now has against it.
    private func judged(on medium: Medium) -> [String] {
        let tier = medium.styled(answer.tier.rawValue, answer.tier.style)
        let failures = answer.findings.failures.sorted { $0.key.rawValue < $1.key.rawValue }
        guard !failures.isEmpty else {
            return [answer.policyHash == nil ? "No policy has judged it yet." : "Its present policy finds it \(tier)."]
        }
        let counts = failures.map { "\($0.key) \(readableCount($0.value))" }.joined(separator: ", ")
        let judge = answer.policyHash == nil ? "Without a policy it is" : "Its present policy finds it"
        let kept = answer.findings.kept.filter { !$0.isWarning }.map { "\($0)" }
        return ["\(judge) \(tier), and this would be allowed from now on: \(counts)"] + Self.list(kept)
    }

    private var remarks: [String] {
        var lines: [String] = []
        func remark(_ text: String, _ names: [[UInt8]] = []) {
            lines.append("  \(text)")
            lines += Self.list(names.map(escaped), indent: "    ")
        }
        if contents.counts.unsigned > 0 {
            let records = counted(Int(clamping: contents.counts.files), "file record")
            remark(
                "\(readableCount(contents.counts.unsigned)) of \(records) without a signature: an update of one "
                    + "needs a new policy")
        }
        if contents.counts.violations > 0 {
            let violations = answer.findings.kept.filter { $0.reason == .violation }.map(\.path)
            let count = counted(Int(clamping: contents.counts.violations), "violation")
            remark("\(count): nothing is listed for", violations)
        }
        if survey.listsBootAggregate {
            remark("boot_aggregate is listed: it changes with the firmware, and is computed where it isn't listed")
        }
        if !survey.changing.isEmpty {
            remark("files with several digests (changed meanwhile, or another one in the initramfs):", survey.changing)
        }
        if !survey.usersOwn.isEmpty { remark("files where users write:", survey.usersOwn) }
        if !survey.unrooted.isEmpty { remark("names that are no paths:", survey.unrooted) }
        return lines.isEmpty ? [] : ["To be looked at:"] + lines
    }

    private var excludes: [String] {
        guard !survey.proposedExcludes.isEmpty else { return [] }
        let head =
            "Files that may differ at the next boot; in a file for --excludes these expressions let all that they fit pass "
            + "unseen:"
        return [head] + Self.list(survey.proposedExcludes.map(escaped))
    }

    private var difference: [String] {
        let quotedName = escaped(name.utf8)
        if formerIsSigned { return ["The policy \(quotedName) is signed: what changes can't be shown."] }
        guard let changes else { return [] }
        guard !changes.isEmpty else { return ["Nothing changes: the policy \(quotedName) allows the same."] }
        return ["Changes of the policy \(quotedName):"] + Self.list(changes.map(\.description))
    }

    private static func list(_ lines: [String], indent: String = "  ") -> [String] {
        let more = lines.count - shownLimit
        return lines.prefix(shownLimit).map { indent + $0 } + (more > 0 ? ["\(indent)and \(more) more"] : [])
    }
}

// MARK: - For scripts

extension LearnedPolicy {
    /// What was learned, in the form of `--json`.
    struct Report: Encodable {
        let agent: String
        let policy: String
        let sha256: String
        let isStored: Bool
        let epoch: UInt32
        let records: UInt64
        let files: Int
        let keys: [String: Int]
        let buffers: Int
        let fileRecords: UInt64
        let unsignedFileRecords: UInt64
        let violations: UInt64
        let changingFiles: [String]
        let usersFiles: [String]
        let unrootedNames: [String]
        let unlistableNames: [String]
        let proposedExcludes: [String]
        /// By the policy that judges the host now; nil for none.
        let judgedBy: String?
        let tier: String
        let findingsByReason: [String: UInt64]
        let findings: [ReportedFinding]
        /// Of the policy that had the name, as `policy diff` prints them.
        let changes: [String]?
    }

    func report(isStored: Bool) -> Report {
        Report(
            agent: agent.description, policy: escaped(name.utf8), sha256: policy.contentHash.description,
            isStored: isStored, epoch: answer.resetCount, records: answer.appraisedRecords, files: survey.files,
            keys: Dictionary(survey.keyrings.map { (escaped($0.name), $0.keys) }, uniquingKeysWith: +),
            buffers: survey.buffers, fileRecords: contents.counts.files,
            unsignedFileRecords: contents.counts.unsigned, violations: contents.counts.violations,
            changingFiles: survey.changing.map(escaped), usersFiles: survey.usersOwn.map(escaped),
            unrootedNames: survey.unrooted.map(escaped), unlistableNames: contents.unlistable.map(escaped).sorted(),
            proposedExcludes: survey.proposedExcludes.map(escaped), judgedBy: answer.policyHash?.description,
            tier: answer.tier.rawValue,
            findingsByReason: answer.findings.byReason.byName, findings: answer.findings.kept.map(\.reported),
            changes: changes.map { $0.map(\.description) })
    }
}
