import ArgumentParser
import AssayCrypto
import Bytes
import Store
import Terminal

// The policies in the store.

extension PolicyCommand {
    /// Lists policies.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the policies: name, content hash, since when, how many agents each judges.")

        @OptionGroup var options: StoreOptions

        @Flag(help: "One JSON object a line.")
        var json = false

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let (names, counts) = try await reported { (try store.policyNames(), try store.policyAssignments()) }
            let policies = names.map { ListedPolicy($0, agents: counts[$0.name] ?? 0) }
            if json { return try policies.forEach { Output.line(try jsonLine($0)) } }
            var table = Table(["NAME", "SHA-256", "PUT", "AGENTS"], rightAligned: [3])
            for policy in policies {
                table.append([policy.name, policy.sha256, readableTime(policy.putAt), "\(policy.agents)"])
            }
            Output.table(table)
        }
    }

    /// Shows one policy.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a policy: its content hash, since when, and whom it judges; or the policy itself.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The policy's name.", completion: .policies)
        var name: String

        @Flag(help: "Print the policy as it was put, and nothing else.")
        var source = false

        @Flag(help: "One JSON object on one line.")
        var json = false

        func validate() throws {
            guard !(source && json) else {
                throw ValidationError("--source prints the policy itself: leave --json out")
            }
        }

        func run() async throws {
            let store = try await options.open(.readOnly)
            defer { store.close() }
            let (policy, agents, bytes) = try await reported { try read(store) }
            if source { return Output.bytes(bytes) }
            let shown = ShownPolicy(
                policy: ListedPolicy(policy, agents: agents.count), bytes: bytes.count,
                agents: agents.map(\.description))
            if json { return Output.line(try jsonLine(shown)) }
            Output.line("\(shown.policy.name): SHA-256 \(shown.policy.sha256)")
            Output.line(
                "  It was put at \(readableTime(policy.putAt)), \(readableSize(UInt64(bytes.count))) as written.")
            Output.line("  It judges \(agents.isEmpty ? "no agent." : "\(readableCount(UInt64(agents.count))):")")
            Output.lines(shown.agents.map { "    \($0)" })
        }

        private func read(_ store: Store) throws -> (PolicyName, [AgentID], [UInt8]) {
            guard let policy = try store.policy(named: name) else {
                throw StoreError(.notFound, "there is no policy \(escaped(name.utf8))")
            }
            guard let bytes = try store.policySource(policy.contentHash) else {
                throw StoreError(.damaged, "the policy \(escaped(name.utf8)) has no source")
            }
            return (policy, try store.agents(judgedBy: name), bytes)
        }
    }

    /// Deletes a policy.
    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a policy. Refused while agents are judged by it.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The policy's name.", completion: .policies)
        var name: String

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Deleted: Encodable {
            let deleted: String
        }

        func run() async throws {
            let store = try await options.open(.existing)
            defer { store.close() }
            try await reported { try await store.deletePolicy(name) }
            let deleted = Deleted(deleted: escaped(name.utf8))
            Output.line(json ? try jsonLine(deleted) : "policy \(deleted.deleted) is deleted")
        }
    }
}

/// A policy's line in a listing.
private struct ListedPolicy: Encodable {
    let name: String
    let sha256: String
    /// Seconds since 1970.
    let putAt: Int64
    /// How many it judges.
    let agents: Int

    init(_ policy: PolicyName, agents: Int) {
        name = escaped(policy.name.utf8)
        sha256 = policy.contentHash.description
        putAt = policy.putAt
        self.agents = agents
    }
}

/// A policy with those whom it judges.
private struct ShownPolicy: Encodable {
    let policy: ListedPolicy
    /// Length of the source.
    let bytes: Int
    let agents: [String]

    private enum Keys: CodingKey { case name, sha256, putAt, bytes, agents }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Keys.self)
        try object.encode(policy.name, forKey: .name)
        try object.encode(policy.sha256, forKey: .sha256)
        try object.encode(policy.putAt, forKey: .putAt)
        try object.encode(bytes, forKey: .bytes)
        try object.encode(agents, forKey: .agents)
    }
}
