import AssayCrypto
import Attester
import Foundation
import Shards
import StandInKernel
import SystemPackage
import TPM
import TPMDevice
import TestSupport
import Testing

extension EndToEnd {
    @Suite("assay-agent shards") struct ShardsCommandTests {
        /// The log of a real kernel, measured into a real TPM.
        private func run(_ log: [UInt8]? = nil, _ body: (Installation) async throws -> Void) async throws {
            let log = try log ?? KernelLogs.imasig.get()
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                try await body(installation)
            }
        }

        private func shards(_ installation: Installation, _ arguments: String...) async throws -> (Int32?, String) {
            let program = try installation.agent(["shards"] + arguments)
            return (try await program.exitCode(), program.output)
        }

        @Test("cat streams the whole log to the real evmctl, which finds the TPM's PCRs in it") func evmctl()
            async throws
        {
            try await run { installation in
                let values = try await installation.host.device.readPCRs(
                    PCRSelection(banks: [.sha256], pcrs: PCRSet(0..<24)))
                let folder = installation.workshop.folder
                #expect(try await evmctlFinds(values, in: folder))
                // And it would say so if they were others.
                var others = PCRValues()
                for value in values.all {
                    others[value.bank, value.index] = PCRBank.sha256.digest(of: [UInt8(value.index)])
                }
                #expect(try await !evmctlFinds(others, in: folder))
            }
        }

        /// Whether the real evmctl comes from what `cat` gives to these values of PCRs.
        private func evmctlFinds(_ values: PCRValues, in folder: URL) async throws -> Bool {
            let lines = values.all.map { value in
                "PCR-\(value.index < 10 ? "0" : "")\(value.index): "
                    + value.value.bytes.map { String(format: "%02x", $0) }.joined(separator: " ")
            }
            let pcrs = folder.appending(path: "pcrs-\(UUID().uuidString)").path
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: pcrs))
            let agent = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
                .appending(path: "assay-agent").path
            let config = folder.appending(path: "agent.yaml").path
            let script =
                "set -o pipefail; '\(agent)' shards cat --config '\(config)'"
                + " | evmctl ima_measurement --ignore-violations --pcrs 'sha256,\(pcrs)' /dev/stdin"
            return try await Program(path: "/bin/bash", ["-c", script], in: folder).exitCode() == 0
        }

        @Test("cat, list and verify show what is there; a damaged shard is named") func show() async throws {
            let log = try KernelLogs.large.get()
            try await run(log) { installation in
                let (verified, text) = try await shards(installation, "verify")
                #expect(verified == 0 && text.contains("3,000 records replay to these values of the TPM"), "\(text)")
                let (listed, table) = try await shards(installation, "list")
                #expect(listed == 0 && table.contains("FIRST") && table.contains("whole"), "\(table)")
                let (_, json) = try await shards(installation, "list", "--json")
                #expect(json.contains("\"records\":3000") && json.contains("\"sha256:10\":"), "\(json)")
                let root = FilePath(installation.host.shards.string)
                let reader = try ShardReader(root: root)
                let file = reader.path(of: try #require(reader.index.entries.first)).string
                // A record that nobody measured, where the bytes fit.
                var bytes = try Data(contentsOf: URL(filePath: file))
                bytes[bytes.count - 3] ^= 1
                try bytes.write(to: URL(filePath: file))
                let (damaged, what) = try await shards(installation, "list")
                #expect(damaged == 3 && what.contains(file) && what.contains("damaged"), "\(what)")
                let (streamed, said) = try await shards(installation, "cat", "--stored")
                #expect(streamed == 3 && said.contains(file), "\(said)")
            }
        }

        @Test("verify: a log that lost a record doesn't replay to the TPM's PCRs, exit 1") func lost() async throws {
            try await run { installation in
                try await installation.host.kernel.extend(KernelRecords.file("/unseen", content: [1]))
                let (exit, text) = try await shards(installation, "verify")
                #expect(exit == 1 && text.contains("don't replay to the TPM's PCRs"), "\(text)")
            }
        }

        @Test("snapshot stores what is new, beside what an attestation stored") func snapshot() async throws {
            try await run { installation in
                let (first, text) = try await shards(installation, "snapshot")
                #expect(first == 0 && text.contains("203 records, 203 new"), "\(text)")
                try await installation.host.kernel.measure(KernelRecords.file("/new", content: [1]))
                let (_, json) = try await shards(installation, "snapshot", "--json")
                #expect(json.contains("\"new\":1") && json.contains("\"records\":204"), "\(json)")
            }
        }

        @Test("who may read the shards is configuration: root and a group, or everybody")
        func readers() async throws {
            try await run { installation in
                for (settings, folder, file) in [([], 0o750, 0o640), (["--set", "shards.readers=all"], 0o755, 0o644)] {
                    let program = try installation.agent(["shards", "snapshot"] + settings)
                    #expect(try await program.exitCode() == 0, "\(program.output)")
                    let reader = try ShardReader(root: installation.host.shards)
                    let shard = reader.path(of: try #require(reader.index.entries.first))
                    #expect(try mode(shard) == file && mode(shard.removingLastComponent()) == folder)
                    // The folder of all boots is there already, the second time, as a package's would be.
                    #expect(try mode(installation.host.shards) == folder)
                    let (cleaned, text) = try await shards(installation, "clean")
                    #expect(cleaned == 0, "\(text)")
                }
            }
        }

        private func mode(_ path: FilePath) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path.string)[.posixPermissions] as? Int
        }

        @Test("clean --boot keeps shards across a restart of the agent and a kexec, and never across a boot")
        func boot() async throws {
            let log = try KernelLogs.prefix(200)
            try await run(try KernelRecords.cut(log, count: 100)) { installation in
                let host = installation.host
                let (nothing, none) = try await shards(installation, "clean", "--boot")
                #expect(nothing == 0 && none.contains("no shards are left"), "\(none)")
                _ = try await shards(installation, "snapshot")
                // The agent was restarted; or a kexec, which the TPM doesn't see, carried the log over.
                try await host.kernel.measure(try KernelRecords.cut(log, from: 100))
                let (kept, text) = try await shards(installation, "clean", "--boot")
                #expect(kept == 0 && text.contains("kept 200 records of this boot"), "\(text)")
                // Records were lost: nobody else has those that are there.
                try await host.kernel.extend(KernelRecords.file("/unseen", content: [1]))
                let (unfit, reason) = try await shards(installation, "clean", "--boot", "--json")
                #expect(unfit == 0 && reason.contains("don't replay"), "\(reason)")
                #expect(reason.contains("\"kept\":200") && reason.contains("\"notices\":[]"), "\(reason)")
                #expect(try ShardReader(root: host.shards).index.nextRecord == 200)
                // A boot.
                let before = try ShardReader.epochs(in: host.shards)
                try host.boot()
                try await host.kernel.measure(try KernelRecords.cut(log, count: 50))
                let (booted, removed) = try await shards(installation, "clean", "--boot")
                #expect(booted == 0 && removed.contains(before[0].folder), "\(removed)")
                #expect(try ShardReader.epochs(in: host.shards) == [])
            }
        }

        @Test("cat gives the whole log also where the quota has no room for it") func overflow() async throws {
            let log = try KernelRecords.cut(
                try Fixtures.unpacked("kernel/k612-large-120k/boot1/log/binary_runtime_measurements.xz"), count: 7000)
            try await run(log) { installation in
                let file = installation.path("whole.log")
                let agent = Program.path(of: "assay-agent")
                let settings = "--config '\(installation.path("agent.yaml"))' --set shards.quota_bytes=1048576"
                let script = "'\(agent)' shards cat \(settings) > '\(file)'"
                let program = try Program(path: "/bin/sh", ["-c", script], in: installation.workshop.folder)
                #expect(try await program.exitCode() == 0 && program.output.contains("quota"), "\(program.output)")
                #expect(try [UInt8](Data(contentsOf: URL(filePath: file))) == log)
            }
        }

        @Test("clean removes all shards, unless nobody else has their records any more") func clean() async throws {
            try await run { installation in
                _ = try await shards(installation, "snapshot")
                let root = installation.host.shards
                let epoch = try #require(try ShardReader.epochs(in: root).first)
                var writer = ShardWriter(root: root, epoch: epoch, banks: [.sha256])
                var lock: ShardLock? = try writer.lock()
                if let held = lock.take() {
                    // A kernel before a kexec: the running one shows none of it.
                    try writer.set(KernelPosition(kernel: "other", record: 0), holding: held)
                }
                let (refused, why) = try await shards(installation, "clean")
                #expect(refused == 2 && why.contains("--force"), "\(why)")
                let (forced, text) = try await shards(installation, "clean", "--force")
                #expect(forced == 0 && text.contains(epoch.folder), "\(text)")
                #expect(try ShardReader.epochs(in: root) == [])
            }
        }

        @Test("the whole log is stored before the verifier is called: no verifier waits for a first reading")
        func early() async throws {
            try await run { installation in
                // Nobody listens behind the relay.
                let exit = try await installation.attest()
                #expect(exit == 3)
                let reader = try ShardReader(root: installation.host.shards)
                #expect(reader.index.nextRecord == 203)
            }
        }

        @Test("what the kernel measures while the verifier is silent is stored meanwhile") func meanwhile() async throws
        {
            try await run { installation in
                let file = installation.path("verifier.yaml")
                let configuration = try String(contentsOfFile: file, encoding: .utf8)
                try configuration.replacing("interval: 1", with: "interval: 3600, max_age: 7200")
                    .write(toFile: file, atomically: true, encoding: .utf8)
                let verifier = try await installation.serve()
                defer { verifier.kill() }
                let agent = try installation.agent(["run"])
                defer { agent.kill() }
                try await agent.wait(for: "verdict")
                try await installation.host.kernel.measure(KernelRecords.file("/new", content: [1]))
                let shards = installation.host.shards
                try await until("the new record in the shards") {
                    try ShardReader(root: shards).index.nextRecord == 204
                }
                #expect(!agent.output.contains("first_record=203"))
            }
        }

        @Test("without shards, with a boot that isn't one, with a configuration that isn't one: says so")
        func usage() async throws {
            try await run { installation in
                let (none, text) = try await shards(installation, "list")
                #expect(none == 3, "\(text)")
                let (boot, said) = try await shards(installation, "list", "--boot", "2")
                #expect(boot == 2 && said.contains("ten digits"), "\(said)")
            }
        }
    }
}
