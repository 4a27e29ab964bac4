import Foundation
import Shards
import StandInKernel
import SystemPackage
import TestSupport
import Testing

extension EndToEnd {
    @Suite("The unit that cleans the shards at a boot") struct BootUnitTests {
        private let clean: Unit
        private let agent: Unit

        init() throws {
            clean = try Unit("assay-shards-clean.service")
            agent = try Unit("assay-agent.service")
        }

        @Test("runs once, before the agent, which brings it along; as the agent's user, with the agent's settings")
        func settings() {
            #expect(clean["Type"] == ["oneshot"] && clean["RemainAfterExit"] == ["yes"])
            #expect(clean.words("Before").contains("assay-agent.service"))
            #expect(agent.words("After").contains("assay-shards-clean.service"))
            #expect(agent.words("Wants").contains("assay-shards-clean.service"))
            for key in ["User", "SupplementaryGroups", "EnvironmentFile", "StateDirectory", "ReadWritePaths", "UMask"] {
                #expect(clean[key] == agent[key] && clean[key].count == 1, "\(key)")
            }
            #expect(clean["ReadWritePaths"] == [ShardsConfiguration.standardDirectory.string])
            #expect(clean["ConditionPathExists"] == agent["ConditionPathExists"])
        }

        /// Runs what the unit starts; returns what it said. It fails in no case that is the host's own.
        private func start(_ host: InstalledHost) async throws -> String {
            #expect(clean["ExecStart"].count == 1)
            let (exit, output) = try await host.run(try #require(clean["ExecStart"].first))
            #expect(exit == 0, "\(output)")
            return output
        }

        /// The agent brings the shards up to date; returns how many records they hold.
        private func snapshot(_ host: InstalledHost) async throws -> UInt64 {
            let (exit, output) = try await host.run("/usr/bin/assay-agent shards snapshot")
            #expect(exit == 0, "\(output)")
            return try reader(host).index.nextRecord
        }

        private func root(_ host: InstalledHost) -> FilePath { FilePath(host.file("var/lib/ima-shards").path) }
        private func reader(_ host: InstalledHost) throws -> ShardReader { try ShardReader(root: root(host)) }

        @Test("keeps the shards when the agent was restarted") func restart() async throws {
            let log = try KernelLogs.prefix(200)
            try await InstalledHost.run(measured: try KernelRecords.cut(log, count: 150)) { host in
                #expect(try await start(host).contains("no shards are left"))
                #expect(try await snapshot(host) == 150)
                try await host.host.kernel.measure(try KernelRecords.cut(log, from: 150))
                #expect(try await start(host).contains("kept 200 records of this boot"))
                #expect(try reader(host).index.nextRecord == 200)
            }
        }

        @Test("keeps the shards over a kexec, whether its log was carried over or not", arguments: [true, false])
        func kexec(isCarriedOver: Bool) async throws {
            let log = try KernelLogs.prefix(100)
            try await InstalledHost.run(measured: log) { host in
                #expect(try await snapshot(host) == 100)
                let before = try reader(host)
                try host.kexec()
                if !isCarriedOver { try host.host.replaceLog(with: []) }
                // The second kernel's own boot_aggregate, over the same TPM.
                let later =
                    KernelRecords.file("boot_aggregate", content: [2]) + KernelRecords.file("/new", content: [1])
                try await host.host.kernel.measure(later)
                let said = try await start(host)
                #expect(said.contains("kept 102 records of this boot"), "\(said)")
                var after = try reader(host)
                #expect(after.index.epoch == before.index.epoch)
                // Record numbers go on.
                #expect(try after.records(from: 100, to: .max, maximumBytes: 1 << 20).bytes == later)
                #expect(after.index.kernel?.kernel != before.index.kernel?.kernel)
                // And again: it stays so.
                #expect(try await start(host).contains("kept 102 records"))
            }
        }

        @Test("removes the shards at a boot, however like the former the new log is") func reboot() async throws {
            let log = try KernelLogs.prefix(100)
            try await InstalledHost.run(measured: log) { host in
                #expect(try await snapshot(host) == 100)
                let before = try reader(host).index.epoch
                try host.kexec()
                try host.host.boot()
                try await host.host.kernel.measure(log)
                let said = try await start(host)
                #expect(said.contains("removed the shards of boots \(before)"), "\(said)")
                #expect(said.contains("no shards are left"))
                #expect(try FileManager.default.contentsOfDirectory(atPath: root(host).string) == [])
                // The new boot's are in a folder of their own.
                #expect(try await snapshot(host) == 100)
                #expect(try reader(host).index.epoch.resetCount == before.resetCount + 1)
            }
        }

        @Test("after a kexec that lost a record keeps the shards, and says what happened, each time") func lost()
            async throws
        {
            let log = try KernelLogs.prefix(100)
            try await InstalledHost.run(measured: try KernelRecords.cut(log, count: 80)) { host in
                #expect(try await snapshot(host) == 80)
                // What was measured after the last snapshot.
                try host.kexec()
                try await host.host.kernel.extend(try KernelRecords.cut(log, from: 80))
                try host.host.replaceLog(with: [])
                try await host.host.kernel.measure(KernelRecords.file("boot_aggregate", content: [2]))
                for _ in 0..<2 {
                    let said = try await start(host)
                    #expect(said.contains("81 records don't replay to the TPM's PCRs"), "\(said)")
                    #expect(said.contains("started by kexec") && said.contains("not carried over"), "\(said)")
                    #expect(said.contains("boot this host through its firmware"), "\(said)")
                    #expect(said.contains("kept 81 records of this boot"), "\(said)")
                }
                #expect(try reader(host).index.nextRecord == 81)
                let (exit, verified) = try await host.run("/usr/bin/assay-agent shards verify")
                #expect(exit == 1 && verified.contains("started by kexec"), "\(verified)")
            }
        }

        @Test(
            "removes the shards of before when the host lost its power while suspended, however like the logs are",
            arguments: [1, 60, 100, 140])
        func restarted(records: UInt64) async throws {
            let log = try KernelLogs.prefix(140)
            try await InstalledHost.run(measured: try KernelRecords.cut(log, count: 100)) { host in
                #expect(try await snapshot(host) == 100)
                let before = try reader(host).index.epoch
                try host.kexec()
                try host.host.restart()
                try await host.host.kernel.measure(try KernelRecords.cut(log, count: records))
                let (broken, verified) = try await host.run("/usr/bin/assay-agent shards verify")
                #expect(broken == 1 && verified.contains("those of the kernel alone do"), "\(verified)")
                let said = try await start(host)
                #expect(said.contains("this boot's shards are removed: the kernel's log alone"), "\(said)")
                #expect(said.contains("no shards are left"), "\(said)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: root(host).string) == [])
                #expect(try await snapshot(host) == records)
                #expect(try reader(host).index.epoch == before)
                #expect(try await start(host).contains("kept \(records) records of this boot"))
            }
        }

        @Test("with a full quota keeps the shards, whose records the kernel's log goes on from") func quota()
            async throws
        {
            let log = try Fixtures.unpacked("kernel/k612-large-120k/boot1/log/binary_runtime_measurements.xz")
            let measured = try KernelRecords.cut(log, count: 7000)
            try await InstalledHost.run(measured: measured) { host in
                try host.write(
                    "tpm: { tcti: \"\(host.host.tpm.tcti)\" }\nshards: { quota_bytes: 1048576 }\n",
                    to: "etc/assay/agent.yaml")
                let stored = try await snapshot(host)
                #expect(stored < 7000)
                for _ in 0..<2 {
                    let said = try await start(host)
                    #expect(said.contains("kept 7,000 records of this boot") && said.contains("quota"), "\(said)")
                    let (sound, verified) = try await host.run("/usr/bin/assay-agent shards verify")
                    #expect(sound == 0 && verified.contains("7,000 records replay to these values"), "\(verified)")
                }
                #expect(try reader(host).index.nextRecord == stored)
                // And it is no blind trust: a record that the log lacks is told all the same.
                try await host.host.kernel.extend(KernelRecords.file("/unseen", content: [1]))
                let (broken, mismatch) = try await host.run("/usr/bin/assay-agent shards verify")
                #expect(broken == 1 && mismatch.contains("nor do the first of them"), "\(mismatch)")
                #expect(try await start(host).contains("kept 7,000 records of this boot"))
            }
        }

        @Test("removes nothing when it can't be told what is sound: the log can't be read, a shard is damaged")
        func unreadable() async throws {
            try await InstalledHost.run(measured: try KernelLogs.prefix(100)) { host in
                #expect(try await snapshot(host) == 100)
                let command = try #require(clean["ExecStart"].first)
                let kept = try host.host.log()
                try host.host.replaceLog(with: Array(repeating: 0xff, count: 1 << 21))
                let (unread, why) = try await host.run(command)
                #expect(unread == 3 && why.contains("binary_runtime_measurements"), "\(why)")
                #expect(try reader(host).index.nextRecord == 100)
                try host.host.replaceLog(with: kept)
                // A kexec: the kernel doesn't have what the damaged shard held.
                try host.kexec()
                try host.host.replaceLog(with: [])
                try await host.host.kernel.measure(KernelRecords.file("boot_aggregate", content: [2]))
                #expect(try await snapshot(host) == 101)
                let shard = try reader(host)
                let file = URL(filePath: shard.path(of: try #require(shard.index.entries.first)).string)
                var bytes = try Data(contentsOf: file)
                bytes[bytes.count / 2] ^= 1
                try bytes.write(to: file)
                let (damaged, what) = try await host.run(command)
                #expect(damaged == 3 && what.contains(".shard") && what.contains("SHA-256 differs"), "\(what)")
                #expect(try Data(contentsOf: file) == bytes)
            }
        }
    }
}
