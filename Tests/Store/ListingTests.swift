import Appraisal
import Testing

@testable import Store

@Suite("Agents are listed by id, and don't mix") struct ListingTests {
    @Test("an id that begins like another keeps its own keys, findings and state") func prefixes() async throws {
        try await TemporaryStore.run { store in
            let ids = ["a", "ab", "a-b", "a\u{1}", "web-1", "web-10", "web-1.example"]
            for (number, id) in ids.enumerated() {
                try await store.attest(
                    id, keyrings: Samples.keyrings([".ima": [number]]), findings: Samples.findings(number + 1))
            }
            for (number, id) in ids.enumerated() {
                let snapshot = try store.snapshot(of: AgentID(id))
                #expect(snapshot.appraisal?.keyrings == Samples.keyrings([".ima": [number]]))
                #expect(snapshot.appraisal?.findings == Samples.findings(number + 1))
            }
            try await store.remove(AgentID("web-1"))
            try await store.discardState(of: AgentID("a"))
            for id in ids where id != "web-1" && id != "a" {
                #expect(try store.snapshot(of: AgentID(id)).appraisal?.keyrings.keyrings.count == 1)
            }
            #expect(try store.agents().count == ids.count - 1)
        }
    }

    @Test("a line, of which only parts are read, is what all of it would be") func lines() async throws {
        try await TemporaryStore.run { store in
            try await store.putPolicy("base", source: [1], compiled: [], at: 0)
            try await store.enrol(Samples.agent("new"))
            try await store.enrol(Samples.agent("with-policy", policy: "base"))
            try await store.enrol(Samples.agent("revoked"))
            try await store.setRevocation(of: AgentID("revoked"), at: 5)
            for id in ["host", "other", "revoked-later", "with-policy"] {
                try await store.attest(
                    id, keyrings: Samples.keyrings([".ima": [1, 2]], unusable: [8, 9]), findings: Samples.findings(3),
                    tier: .warning)
            }
            try await store.attest("no-key")
            try await store.setRevocation(of: AgentID("revoked-later"), at: 6)
            try await store.requestReattestation(of: AgentID("other"), from: 3, at: 4)
            for isDenied in [false, true] {
                if isDenied { try await store.deny(Samples.key(2).fingerprint, at: 0) }
                let lines = try store.agents().map { try $0.get() }
                #expect(lines.count == 7)
                for line in lines { #expect(line == (try store.snapshot(of: line.id).summary)) }
                #expect(lines.contains { !$0.deniedKeys.isEmpty } == isDenied)
            }
        }
    }

    @Test("pages follow each other without a gap or a repeat, in the ids' order") func pages() async throws {
        try await TemporaryStore.run { store in
            let ids = (0..<57).map { "host-\($0)" } + ["host", "h", "\u{1}", "zürich"]
            for id in ids { try await store.enrol(Samples.agent(id)) }
            var listed: [AgentID] = []
            while true {
                let page = try store.agents(after: listed.last, limit: 10)
                guard !page.isEmpty else { break }
                #expect(page.count <= 10)
                listed += try page.map { try $0.get().id }
            }
            #expect(listed == (try ids.map { try AgentID($0) }).sorted())
        }
    }

    @Test(
        "an id is 1 to 255 bytes without a zero", arguments: [[], [0], [97, 0, 98], .init(repeating: 97, count: 256)])
    func invalid(id: [UInt8]) {
        #expect(throws: StoreError.self) { try AgentID(id) }
    }

    @Test("the longest id fits every key") func longest() async throws {
        try await TemporaryStore.run { store in
            let id = String(repeating: "x", count: AgentID.limit)
            try await store.attest(id, keyrings: Samples.keyrings([".ima": [1]]), findings: Samples.findings(1))
            #expect(try store.snapshot(of: AgentID(id)).appraisal?.keyrings == Samples.keyrings([".ima": [1]]))
        }
    }

    @Test(
        "a policy's name is printable",
        arguments: ["", "a\nb", "a\\b", "\u{202e}x", String(repeating: "x", count: 256)])
    func invalidPolicyName(name: String) async throws {
        try await TemporaryStore.run { store in
            await #expect(throws: StoreError.self) { try await store.putPolicy(name, source: [], compiled: [], at: 0) }
            #expect(throws: StoreError.self) { try store.policy(named: name) }
        }
    }
}
