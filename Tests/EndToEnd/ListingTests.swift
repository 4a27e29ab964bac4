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
