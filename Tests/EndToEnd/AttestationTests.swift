import Appraisal
import AssayCrypto
import Attester
import Bytes
import Foundation
import IMA
import Messages
import Server
import StandInKernel
import Store
import TPM
import TestSupport
import Testing
import Transport

extension EndToEnd {
    @Suite("A host attests") struct AttestationTests {
        /// Keyring → ids, as the outside replay of the fixture found them.
        private func expectedKeys(_ log: String) throws -> [[UInt8]: [String]] {
            var keys: [[UInt8]: [String]] = [:]
            let table = String(decoding: try Fixtures.bytes("kernel/\(log)/entries.tsv"), as: UTF8.self)
            for line in table.split(separator: "\n") {
                let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
                guard fields.count > 7, fields[7].hasPrefix("learn:") else { continue }
                let id = try #require(fields[7].split(separator: " ").last)
                keys[Array(fields[5].utf8), default: []].append(String(id))
            }
            return keys
        }

        @Test("for the first time: the whole log in shards, the keys learned, the verdict stored") func first()
            async throws
        {
            let log = try KernelLogs.imasig.get()
            try await World.run(measured: log) { world in
                let attestation = try await world.attest(try await world.host.attester())
                #expect(attestation.challenges == [0])
                #expect(attestation.shards.count > 4)
                #expect(attestation.shards.dropLast().allSatisfy { $0.moreDataPending })
                #expect(attestation.shards.last?.moreDataPending == false)
                #expect(attestation.recordsSent == 203)
                #expect(attestation.result.nextRecord == 203)
                #expect(attestation.result.recordsAppraised == 203)
                #expect(attestation.result.excessRecords == 0)
                let snapshot = try world.snapshot()
                let verdict = try #require(snapshot.verdict)
                #expect(verdict.tier == .affirming || verdict.tier == .warning)
                #expect(attestation.result.tier == (verdict.tier == .affirming ? .affirming : .warning))
                #expect(verdict.policyHash == snapshot.policyHash)
                #expect(snapshot.state?.nextRecord == 203)
                let keys = try world.store.keyrings(of: AgentID(Host.id)).keyrings
                let expected = try expectedKeys("k612-imasig-sha256/boot1")
                #expect(keys.mapValues { $0.map { "\($0.keyID)" } } == expected)
                let reported = attestation.result.keyrings.map { ($0.name, $0.keys.map { $0.keyID.hexadecimal }) }
                #expect(Dictionary(uniqueKeysWithValues: reported) == expected)
            }
        }

        @Test("again: only what is new is sent") func incremental() async throws {
            let log = try KernelLogs.prefix(900)
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                #expect(try await world.attest(attester).result.tier == .affirming)
                let more = try KernelRecords.cut(try KernelLogs.large.get(), from: 900, count: 100)
                try await world.store.assign(log + more)
                #expect(try await world.attest(attester).challenges == [0])
                try await world.host.kernel.measure(KernelRecords.file("/etc/hosts", content: [1]))
                try await world.store.assign(log + more + KernelRecords.file("/etc/hosts", content: [1]))
                _ = try await world.attest(attester)
                try await world.host.kernel.measure(more)
                let second = try await world.attest(attester)
                #expect(second.challenges == [901])
                #expect(second.recordsSent == 100)
                #expect(second.shards.first?.firstRecord == 901)
                #expect(second.result.recordsAppraised == 100)
                #expect(second.result.tier == .affirming)
                let third = try await world.attest(attester)
                #expect(third.challenges == [1001])
                #expect(third.recordsSent == 0)
                #expect(third.result.tier == .affirming)
                // Another process of the agent knows nothing of the first; the verifier does.
                let restarted = try await world.attest(try await world.host.attester())
                #expect(restarted.challenges == [1001])
                #expect(try world.snapshot().verdict?.number == 6)
            }
        }

        @Test("on an open connection the verifier begins the next round") func rounds() async throws {
            var settings = World.smallShards
            settings.roundSeconds = 1
            try await World.run(settings, measured: try KernelLogs.prefix(50)) { world in
                let attester = try await world.host.attester()
                let connection = try await world.dial()
                let attesting = Task { try? await attester.attest(over: connection, once: false) { _ in } }
                try await until("three verdicts") { try world.snapshot().verdict?.number ?? 0 >= 3 }
                #expect(try world.snapshot().state?.nextRecord == 50)
                connection.abort()
                _ = await attesting.value
            }
        }

        @Test("on an open connection whose log begins to use another PCR: that one is quoted too") func anotherPCR()
            async throws
        {
            var settings = World.smallShards
            settings.roundSeconds = 1
            let log = try KernelLogs.prefix(50)
            try await World.run(settings, measured: log) { world in
                let attester = try await world.host.attester()
                let connection = try await world.dial()
                let attesting = Task { try? await attester.attest(over: connection, once: false) { _ in } }
                try await until("a verdict") { try world.snapshot().verdict != nil }
                #expect(try world.snapshot().state?.selection.banks.first?.pcrs == PCRSet(0...10))
                // A file that the policy knows, measured by a rule with pcr=11.
                var record = try KernelRecords.cut(log, from: 5, count: 1)
                record[0] = 11
                try await world.host.kernel.measure(record)
                try await until("a verdict on the new record") { try world.snapshot().state?.nextRecord == 51 }
                let snapshot = try world.snapshot()
                #expect(snapshot.state?.selection.banks.first?.pcrs == PCRSet(0...11))
                #expect(snapshot.verdict?.tier == .affirming)
                connection.abort()
                _ = await attesting.value
            }
        }

        @Test("having run what the policy doesn't allow: contraindicated, and so from then on") func notInPolicy()
            async throws
        {
            let log = try KernelLogs.prefix(200)
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                #expect(try await world.attest(attester).result.tier == .affirming)
                try await world.host.kernel.measure(KernelRecords.file("/tmp/back door\n", content: [1]))
                let bad = try await world.attest(attester)
                #expect(bad.challenges == [200])
                #expect(bad.result.tier == .contraindicated)
                let finding = try #require(bad.result.findings.first { !$0.isWarning })
                #expect(finding.reason == "not_in_policy")
                #expect(finding.record == 200)
                #expect(finding.path == Array("/tmp/back door\n".utf8))
                #expect(!finding.remedy.isEmpty)
                #expect(bad.result.nextRecord == 201)
                try await world.host.kernel.measure(try KernelRecords.cut(log, from: 100, count: 10))
                let after = try await world.attest(attester)
                #expect(after.challenges == [201])
                #expect(after.result.tier == .contraindicated)
                #expect(after.result.findings.contains { $0.record == 200 && $0.reason == "not_in_policy" })
                let stored = try #require(try world.store.verdict(of: AgentID(Host.id)))
                #expect(stored.findings.kept.contains { $0.record == 200 })
            }
        }

        @Test("under another policy: judged again from record 0") func policyChange() async throws {
            let log = try KernelLogs.prefix(200)
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                #expect(try await world.attest(attester).result.tier == .affirming)
                try await world.store.assign(try KernelLogs.prefix(199))
                let strict = try await world.attest(attester)
                #expect(strict.challenges == [0])
                #expect(strict.result.tier == .contraindicated)
                #expect(strict.reasons.filter { $0 == "not_in_policy" }.count == 1)
                try await world.store.assign(log)
                let again = try await world.attest(attester)
                #expect(again.challenges == [0])
                #expect(again.result.tier == .affirming)
            }
        }

        @Test("judged by no policy: nothing is affirmed") func noPolicy() async throws {
            // As the software TPM's own PCRs 0 to 9 have it, for no policy lists another.
            let aggregate = KernelRecords.file("boot_aggregate", content: [UInt8](repeating: 0, count: 10 * 32))
            let log = aggregate + (try KernelRecords.cut(try KernelLogs.prefix(50), from: 1))
            try await World.run(measured: log, allows: .noPolicy) { world in
                let attestation = try await world.attest(try await world.host.attester())
                #expect(attestation.result.tier == Messages.Tier.none, "\(attestation.result.findings)")
                #expect(attestation.result.nextRecord == 50)
                #expect(try world.snapshot().verdict?.tier == Appraisal.Tier.none)
            }
        }

        @Test("after a key was denied: what it signed no longer passes") func deniedKey() async throws {
            let log = try KernelLogs.imasig.get()
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                #expect(try await world.attest(attester).result.tier != .contraindicated)
                let keys = try world.store.keyrings(of: AgentID(Host.id)).keyrings[Array("_ima".utf8)]
                let key = try #require(keys?.first)
                try await world.store.deny(key.fingerprint, at: now())
                let denied = try await world.attest(attester)
                #expect(denied.challenges == [0])
                #expect(denied.result.tier == .contraindicated)
                #expect(denied.reasons.contains("key_denied"))
                try await world.store.allow(key.fingerprint)
                let allowed = try await world.attest(attester)
                #expect(allowed.challenges == [0])
                #expect(allowed.result.tier != .contraindicated)
            }
        }
    }
}
