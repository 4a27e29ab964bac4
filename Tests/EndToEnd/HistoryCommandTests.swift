import Appraisal
import AssayCrypto
import Foundation
import StandInKernel
import Store
import SystemPackage
import Testing

extension EndToEnd {
    @Suite("What the commands tell of the past, and of keys") struct HistoryCommandTests {
        @Test("agents history: verdicts and events in their order, findings where they are asked for") func agents()
            async throws
        {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                // The store's times are whole seconds: what came in one can't be told apart.
                try await Task.sleep(for: .milliseconds(1100))
                try await installation.host.kernel.measure(KernelRecords.file("/tmp/back\u{1b}door", content: [1]))
                #expect(try await installation.attest() == 1)
                let history = try installation.verifier(["agents", "history", "web-1", "--findings"])
                #expect(try await history.exitCode() == 0, "\(history.output)")
                let words = [
                    "enrolled", "judged by policy allowed", "verdict 1: affirming, 60 records of boot epoch",
                    "the first tier is affirming", "learned on _ima", "verdict 2: contraindicated", "not_in_policy (1)",
                    "/tmp/back\\x1bdoor", "remedy:", "the tier became contraindicated, it was affirming",
                ]
                var rest = history.output[...]
                for word in words {
                    let range = try #require(rest.range(of: word), "\(word) in \(history.output)")
                    rest = word.hasPrefix("the first") || word.hasPrefix("learned") ? rest : rest[range.upperBound...]
                }
                let short = try installation.verifier(["agents", "history", "web-1", "--json", "--last", "2"])
                #expect(try await short.exitCode() == 0)
                let objects = try Fleet.Said(exit: 0, output: short.output).objects()
                #expect(objects.map { $0["kind"] as? String } == ["verdict", "event"])
                #expect(objects[0]["number"] as? Int == 2 && objects[0]["tier"] as? String == "contraindicated")
                #expect((objects[0]["findings_by_reason"] as? [String: Int])?["not_in_policy"] == 1)
                #expect(objects[1]["event"] as? String == "tier_changed")
                #expect(objects[1]["from"] as? String == "affirming")
                let unknown = try installation.verifier(["agents", "history", "nobody"])
                #expect(try await unknown.exitCode() == 3 && unknown.output.contains("agents list"))
                verifier.kill()
            }
        }

        @Test("keyrings show is a tree; deny takes a certificate's hash for its key's, and it is seen at once")
        func keys()
            async throws
        {
            try await Fleet.run { fleet in
                let show = try await fleet.verifier(["keyrings", "show", "well"])
                #expect(show.exit == 0)
                let lines = show.output.split(separator: "\n").map(String.init)
                #expect(lines.first == "well, boot epoch 7: 2 keys on 1 keyring")
                #expect(lines.dropFirst().first == "└── .ima")
                #expect(lines.count == 10 && lines[2] == "    ├── 00000001  -" && lines[6] == "    └── 00000002  -")
                #expect(lines.contains { $0.hasSuffix("since        1970-01-01T00:00:04Z, record 3") })

                let key = PCRBank.sha256.digest(of: [1, 0])
                let certificate = PCRBank.sha256.digest(of: [1])
                let deny = try await fleet.verifier(["keyrings", "deny", "\(certificate)".uppercased()])
                #expect(deny.exit == 0 && deny.output.contains("denied \(key)"), "\(deny.output)")
                #expect(deny.output.contains("evil\\n, gone, silent, well"))
                let denied = try await fleet.verifier(["keyrings", "show", "well", "--json"])
                let rings = try #require(try denied.objects().first?["keyrings"] as? [[String: Any]])
                let keys = try #require(rings.first?["keys"] as? [[String: Any]])
                #expect(keys.map { $0["denied_since"] is Int } == [true, false])
                #expect(keys[0]["public_key_sha256"] as? String == "\(key)")
                #expect(keys[0]["certificate_sha256"] as? String == "\(certificate)")
                #expect(try await fleet.verifier(["keyrings", "show", "well"]).output.contains("DENIED since"))
                let list = try await fleet.verifier(["keyrings", "denied", "--json"]).objects()
                #expect(list.map { $0["public_key_sha256"] as? String } == ["\(key)"])

                // The verdict affirms no longer, whoever asks.
                let well = try #require(try await fleet.verifier(["agents", "show", "well", "--json"]).objects().first)
                let status = try #require(well["status"] as? [String: Any])
                #expect(status["tier"] as? String == "warning" && status["last_tier"] as? String == "affirming")
                #expect((status["findings_by_reason"] as? [String: Int])?["key_denied"] == 1)
                #expect(try await fleet.verifier(["agents", "history", "well"]).output.contains("denied: key \(key)"))

                let allow = try await fleet.verifier(["keyrings", "allow", "sha256:\(certificate)"])
                #expect(allow.exit == 0 && allow.output.contains("allowed \(key)"), "\(allow.output)")
                #expect(try await fleet.verifier(["agents", "show", "well"]).output.contains("well: affirming"))
                #expect(try await fleet.verifier(["keyrings", "denied"]).output == "no key is denied\n")
                let twice = try await fleet.verifier(["keyrings", "allow", "\(key)"])
                #expect(twice.exit == 3 && twice.output.contains("isn't denied"))
            }
        }

        @Test("a hash that no key has is denied all the same, with a hint; one that is no hash is a usage error")
        func unknownKey() async throws {
            try await Fleet.run { fleet in
                let hash = PCRBank.sha256.digest(of: [9, 9])
                let deny = try await fleet.verifier(["keyrings", "deny", "\(hash)"])
                #expect(deny.exit == 0 && deny.output.contains("openssl x509"), "\(deny.output)")
                #expect(try await fleet.verifier(["keyrings", "denied"]).output.contains("\(hash)"))
                #expect(try await fleet.verifier(["keyrings", "deny", "1234"]).exit == 2)
                let none = try await fleet.verifier(["keyrings", "show", "new"])
                #expect(none.exit == 0 && none.output == "no keys were learned\n")
                #expect(try await fleet.verifier(["keyrings", "show", "nobody"]).exit == 3)
            }
        }

        @Test("keyrings history: a key that a boot's log no longer brings is gone, and still told of") func keyHistory()
            async throws
        {
            let log = try KernelLogs.imasig.get()
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                _ = try await installation.attest()
                try installation.host.boot()
                try await installation.host.kernel.measure(try KernelRecords.cut(log, count: 100))
                _ = try await installation.attest()
                let history = try installation.verifier(["keyrings", "history", "web-1", "--json"])
                #expect(try await history.exitCode() == 0, "\(history.output)\(verifier.output)")
                let keys = try Fleet.Said(exit: 0, output: history.output).objects()
                let early = keys.filter { $0["keyring"] as? String == ".builtin_trusted_keys" }
                #expect(early.count == 1 && early.allSatisfy { $0["epochs"] as? Int == 2 && !($0["gone_at"] is Int) })
                let late = keys.filter { $0["keyring"] as? String == "_ima" }
                #expect(!late.isEmpty && late.allSatisfy { $0["gone_at"] is Int && $0["epochs"] as? Int == 1 })
                let table = try installation.verifier(["keyrings", "history", "web-1"])
                #expect(try await table.exitCode() == 0)
                #expect(table.output.contains("gone since") && table.output.contains("present"))
                let story = try installation.verifier(["agents", "history", "web-1"])
                #expect(try await story.exitCode() == 0)
                #expect(story.output.contains("the host has booted") && story.output.contains("gone from _ima"))
                verifier.kill()
            }
        }

        @Test("a key denied beside a running server: warning at once, then judged again from record 0 without the key")
        func denyBesideServer() async throws {
            let log = try KernelLogs.prefix(900)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let agent = try installation.agent(["run"])
                try await until("a verdict; agent: \(agent.output)") { try installation.snapshot().verdict != nil }
                agent.kill()
                try await verifier.wait(for: "tier=affirming")
                let before = try installation.snapshot()
                let ring = try #require(before.appraisal?.keyrings.keyrings[Array("_ima".utf8)])
                let key = try #require(ring.first)
                let deny = try installation.verifier(["keyrings", "deny", "\(key.certificateFingerprint)"])
                #expect(try await deny.exitCode() == 0, "\(deny.output)")
                #expect(deny.output.contains("denied \(key.fingerprint)") && deny.output.contains("web-1"))
                let show = try installation.verifier(["agents", "show", "web-1"])
                #expect(try await show.exitCode() == 0)
                #expect(show.output.contains("web-1: warning") && show.output.contains("key_denied"), "\(show.output)")

                // Its next round begins at record 0, and the key verifies nothing in it.
                let again = try installation.agent(["attest", "--once"])
                _ = try await again.exitCode()
                #expect(again.output.contains("records from 0 on"), "\(again.output)")
                let after = try installation.snapshot()
                #expect(after.isStateCurrent && after.state?.nextRecord == 900)
                #expect(after.verdict?.number ?? 0 > before.verdict?.number ?? 0)
                #expect(after.deniedKeys == [key.fingerprint])
                verifier.kill()
            }
        }
    }
}
