import Appraisal
import AssayCrypto
import Foundation
import IMA
import Store
import SystemPackage
import TPM
import TestSupport
import Testing

extension EndToEnd {
    @Suite("What the commands say of agents and policies") struct ListingTests {
        @Test("agents list is a table with each agent's state, without colours in a pipe") func list() async throws {
            try await Fleet.run { fleet in
                let list = try await fleet.verifier(["agents", "list"])
                #expect(list.exit == 0)
                let lines = list.output.split(separator: "\n").map {
                    $0.split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
                }
                #expect(lines.first == ["AGENT", "TIER", "AGE", "EPOCH", "RECORDS", "KEYS", "STATE", "POLICY"])
                let rows = Dictionary(uniqueKeysWithValues: lines.dropFirst().map { ($0[0], Array($0.dropFirst())) })
                #expect(
                    rows["well"]?[0] == "affirming" && rows["well"]?.suffix(5) == ["7", "1,200", "2", "current", "web"])
                #expect(
                    rows["evil\\n"]?[0] == "contraindicated" && rows["evil\\n"]?.contains("contraindicated") == true)
                #expect(rows["silent"] == ["none", "2 h", "7", "1,200", "2", "unreachable", "web"])
                #expect(rows["new"] == ["none", "-", "-", "0", "0", "never attested", "NO POLICY"])
                #expect(rows["gone"]?.contains("revoked") == true)
                #expect(!list.output.contains("\u{1b}"))
                // The columns are aligned: the header's STATE stands above each state.
                let states = ["STATE", "current", "unreachable", "never attested", "revoked"]
                let columns = Set(
                    list.output.split(separator: "\n").compactMap { line in
                        states.compactMap { line.range(of: $0) }.last.map {
                            line.distance(from: line.startIndex, to: $0.lowerBound)
                        }
                    })
                #expect(columns.count == 1, "\(list.output)")
            }
        }

        @Test("colours are for a terminal alone, and only where NO_COLOR isn't set") func colours() async throws {
            try await Fleet.run { fleet in
                let coloured = try await fleet.onTerminal(["agents", "list"], ["NO_COLOR": ""])
                #expect(coloured.contains("\u{1b}[31;1mcontraindicated\u{1b}[0m"))
                #expect(coloured.contains("\u{1b}[32maffirming\u{1b}[0m"))
                #expect(
                    try await fleet.onTerminal(["agents", "show", "well"], ["NO_COLOR": ""]).contains(
                        "\u{1b}[32maffirming\u{1b}[0m"))
                let plain = try await fleet.onTerminal(["agents", "list"], ["NO_COLOR": "1"])
                #expect(plain.contains("affirming") && !plain.contains("\u{1b}"))
            }
        }

        @Test("agents list --json is one object a line, with the same words") func listJSON() async throws {
            try await Fleet.run { fleet in
                let list = try await fleet.verifier(["agents", "list", "--json"])
                let objects = try list.objects()
                #expect(objects.map { $0["agent"] as? String } == ["evil\\n", "gone", "new", "silent", "well"])
                #expect(
                    objects.map { $0["state"] as? String } == [
                        "contraindicated", "revoked", "never_attested", "unreachable", "current",
                    ])
                #expect(
                    objects.map { $0["tier"] as? String } == ["contraindicated", "none", "none", "none", "affirming"])
                #expect(objects.map { $0["keys"] as? Int } == [2, 2, 0, 2, 2])
                #expect(objects[3]["last_tier"] as? String == "affirming")
                #expect(objects[2]["last_tier"] is NSNull && objects[2]["transfer"] is NSNull)
            }
        }

        @Test(
            "agents show says in sentences how an agent stands, and exits by its tier",
            arguments: [
                ("well", Int32(0), "nothing that its policy doesn't allow"),
                ("evil\n", 1, "not to be trusted, because of not_in_policy (1)"),
                ("silent", 4, "unreachable: no verdict since"), ("new", 4, "has never attested"),
                ("gone", 4, "is revoked since"),
            ])
        func show(id: String, exit: Int32, words: String) async throws {
            try await Fleet.run { fleet in
                let show = try await fleet.verifier(["agents", "show", id])
                #expect(show.exit == exit && show.output.contains(words), "\(show.output)")
                let json = try await fleet.verifier(["agents", "show", id, "--json"])
                #expect(json.exit == exit)
                let object = try #require(try json.objects().first)
                #expect(object["status"] is [String: Any])
                if exit == 1 {
                    #expect(show.output.contains("/tmp/\\x1b[31mdoor"))
                    let finding = try #require((object["findings"] as? [[String: Any]])?.first)
                    #expect(finding["reason"] as? String == "not_in_policy")
                    #expect(finding["path"] as? String == "/tmp/\\x1b[31mdoor")
                }
            }
        }

        @Test("policy list, show and delete: one that judges agents stays, and says whom") func policies()
            async throws
        {
            try await Fleet.run { fleet in
                let list = try await fleet.verifier(["policy", "list"])
                #expect(list.output.contains("web") && list.output.contains("spare"))
                let listed = try await fleet.verifier(["policy", "list", "--json"]).objects()
                #expect(listed.map { $0["name"] as? String } == ["spare", "web"])
                #expect(listed.map { $0["agents"] as? Int } == [0, 4])

                let show = try await fleet.verifier(["policy", "show", "web"])
                #expect(show.exit == 0 && show.output.contains("evil\\n") && show.output.contains("well"))
                let shown = try #require(try await fleet.verifier(["policy", "show", "web", "--json"]).objects().first)
                #expect(shown["agents"] as? [String] == ["evil\\n", "gone", "silent", "well"])
                #expect(shown["sha256"] as? String == PCRBank.sha256.digest(of: Fleet.source).description)
                let source = try await fleet.verifier(["policy", "show", "web", "--source"])
                #expect(Array(source.output.utf8) == Fleet.source)

                let refused = try await fleet.verifier(["policy", "delete", "web"])
                #expect(refused.exit == 3)
                #expect(refused.output.contains("judges 4 agents: evil\\n, gone, silent, well"))
                #expect(refused.output.contains("policy assign"))
                let deleted = try await fleet.verifier(["policy", "delete", "spare", "--json"])
                #expect(deleted.exit == 0 && deleted.output == "{\"deleted\":\"spare\"}\n")
                #expect(try await fleet.verifier(["policy", "delete", "spare"]).exit == 3)
                // Both names stood for the same bytes: web's policy is still there.
                #expect(try await fleet.verifier(["policy", "show", "web", "--source"]).exit == 0)
            }
        }
    }
}

/// A store with an agent in each state, made without a host.
private struct Fleet {
    let folder: URL

    /// A policy that allows nothing.
    static let source = PolicyDraft().document.json

    static func run(_ body: (Fleet) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-fleet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fleet = Fleet(folder: folder)
        try await fleet.fill()
        try await body(fleet)
    }

    private func fill() async throws {
        let store = try Store(path: FilePath(folder.path).appending("store"))
        defer { store.close() }
        let policy = try Policy(source: Self.source)
        for name in ["web", "spare"] {
            try await store.putPolicy(name, source: Self.source, compiled: policy.compiled, at: now())
        }
        try await store.enrol(agent("new", policy: nil))
        try await attest("well", .affirming, age: 5, store)
        try await attest("silent", .affirming, age: 7_300, store)
        try await attest("gone", .affirming, age: 5, store)
        try await store.setRevocation(of: AgentID("gone"), at: now())
        try await attest("evil\n", .contraindicated, age: 5, store)
    }

    private func agent(_ id: String, policy: String?) throws -> Agent {
        Agent(
            id: try AgentID(id), attestationKeyPublic: [1], attestationKeyName: [2], enrolledAt: now(),
            policyName: policy)
    }

    private func attest(_ id: String, _ tier: Tier, age: Int64, _ store: Store) async throws {
        try await store.enrol(agent(id, policy: "web"))
        var findings = Findings()
        if tier == .contraindicated {
            findings.add(Finding(.notInPolicy, record: 9, path: Array("/tmp/\u{1b}[31mdoor".utf8)))
        }
        let state = AppraisalState(
            nextRecord: 1_200, recordsReceived: 1_200, fileRecords: 1_000,
            lanes: [.init(bank: .sha256, pcr: 10, forms: .own, value: Digest(repeating: 1, count: 32))],
            keyrings: KeyringModel(keyrings: [Array(".ima".utf8): [key(1), key(2)]], unusable: []), findings: findings)
        let result = try await store.commit(
            Outcome(
                agent: AgentID(id), basis: store.snapshot(of: AgentID(id)).basis,
                progress: .init(
                    clockInfo: ClockInfo(clock: 1, resetCount: 7, restartCount: 0, isSafe: true),
                    selection: PCRSelection([.init(.sha256, PCRSet([10]))]), appraisal: state),
                tier: tier, appraisedRecords: 1_200, excessRecords: 0, findings: findings, challengedAt: now() - age,
                givenAt: now() - age))
        guard case .committed = result else { throw Unexpected("\(result)") }
    }

    private func key(_ number: UInt8) -> LearnedKey {
        LearnedKey(
            keyID: KeyID(UInt32(number)), certificateFingerprint: PCRBank.sha256.digest(of: [number]),
            fingerprint: PCRBank.sha256.digest(of: [number, 0]), subject: nil, record: 3, firstSeen: 4,
            material: KeyMaterial(der: [number], subjectPublicKeyInfo: [number]))
    }

    struct Said {
        let exit: Int32?
        let output: String

        /// One object a line.
        func objects() throws -> [[String: Any]] {
            try output.split(separator: "\n").compactMap {
                try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
        }
    }

    /// What a command writes to a terminal: script(1) makes one.
    func onTerminal(_ arguments: [String], _ variables: [String: String] = [:]) async throws -> String {
        let store = folder.appending(path: "store").path
        let command = ([Program.path(of: "assay-verifier")] + arguments + ["--store", store]).joined(separator: " ")
        let output = folder.appending(path: UUID().uuidString)
        var child = try ChildProcess(
            "script", ["-qec", command, "/dev/null"], output: output.path,
            environment: ["TERM": "xterm"].merging(variables) { _, own in own })
        let end = ContinuousClock.now + .seconds(60)
        while child.isRunning, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(20)) }
        return try String(contentsOf: output, encoding: .utf8)
    }

    func verifier(_ arguments: [String]) async throws -> Said {
        let program = try Program(
            "assay-verifier", arguments + ["--store", folder.appending(path: "store").path], in: folder)
        return Said(exit: try await program.exitCode(), output: program.output)
    }
}
