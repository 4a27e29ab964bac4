import Foundation
import Glibc
import Shards
import StandInKernel
import TestSupport
import Testing

extension EndToEnd {
    @Suite("A kexec that didn't carry the log over, from the boot to the verdict") struct KexecTests {
        /// Runs the agent's program under one of several kernels.
        private func agent(_ installation: Installation, _ kernel: Kernel, _ words: String...) async throws
            -> (exit: Int32?, output: String)
        {
            let name = installation.path("boot_id")
            try Data((kernel.rawValue + "\n").utf8).write(to: URL(filePath: name))
            let namespaces = geteuid() == 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"]
            let script = "mount --bind \"$1\" /proc/sys/kernel/random/boot_id; shift; exec \"$@\""
            let program = try Program(
                path: "unshare",
                namespaces + ["sh", "-ec", script, "sh", name, Program.path(of: "assay-agent")] + words
                    + ["--config", installation.path("agent.yaml")],
                in: installation.workshop.folder)
            return (try await program.exitCode(), program.output)
        }

        /// Kernels by their names for their own boots.
        private enum Kernel: String {
            case first = "11111111-1111-4111-8111-111111111111"
            case second = "22222222-2222-4222-8222-222222222222"
            case third = "33333333-3333-4333-8333-333333333333"
        }

        private static let aggregate = KernelRecords.file("boot_aggregate", content: [2])

        /// A host that was attested up to record 80 and has measured 20 records since; `stored` of all are in the shards
        /// when the next kernel starts, whose first record comes then.
        private func run(stored: UInt64, _ body: (Installation) async throws -> Void) async throws {
            let log = try KernelLogs.prefix(100)
            try await Installation.run(allowing: log + Self.aggregate) { installation in
                try await installation.host.kernel.measure(try KernelRecords.cut(log, count: 80))
                let verifier = try await installation.serve()
                #expect(try await agent(installation, .first, "attest", "--once").exit == 0)
                try await installation.host.kernel.measure(try KernelRecords.cut(log, from: 80, count: stored - 80))
                #expect(try await agent(installation, .first, "shards", "snapshot").exit == 0)
                try await installation.host.kernel.measure(try KernelRecords.cut(log, from: stored))
                try installation.host.replaceLog(with: [])
                try await installation.host.kernel.measure(Self.aggregate)
                try await body(installation)
                verifier.kill()
            }
        }

        @Test("with everything stored: it is said at the boot and by the agent, and the host is affirmed")
        func whole() async throws {
            try await run(stored: 100) { installation in
                let cleaned = try await agent(installation, .second, "shards", "clean", "--boot")
                #expect(cleaned.exit == 0 && cleaned.output.contains("kept 101 records"), "\(cleaned)")
                #expect(cleaned.output.contains("started by kexec"), "\(cleaned)")
                let attested = try await agent(installation, .second, "attest", "--once")
                #expect(attested.exit == 0 && attested.output.contains("started by kexec"), "\(attested)")
                #expect(attested.output.contains("next record 101"), "\(attested)")
                let doctor = try await agent(installation, .second, "doctor")
                #expect(doctor.output.contains("records of this boot may be missing"), "\(doctor)")
            }
        }

        @Test("with records lost: it is said at the boot, by the agent and in the verdict, with what to do, each time")
        func lost() async throws {
            try await run(stored: 95) { installation in
                for _ in 0..<2 {
                    let cleaned = try await agent(installation, .second, "shards", "clean", "--boot")
                    #expect(cleaned.exit == 0 && cleaned.output.contains("kept 96 records"), "\(cleaned)")
                    #expect(cleaned.output.contains("started by kexec"), "\(cleaned)")
                    let attested = try await agent(installation, .second, "attest", "--once")
                    #expect(attested.exit == 1 && attested.output.contains("started by kexec"), "\(attested)")
                    #expect(attested.output.contains("96 records didn't replay"), "\(attested)")
                    // The verdict: what was lost, where, how to begin anew, how to lose nothing the next time.
                    #expect(attested.output.contains("record 95: records_missing boot_aggregate"), "\(attested)")
                    for words in ["through its firmware, not by kexec", "shards snapshot", "CONFIG_IMA_KEXEC"] {
                        #expect(attested.output.contains("remedy: Boot the host"), "\(attested)")
                        #expect(attested.output.contains(words), "\(words): \(attested)")
                    }
                    #expect(!attested.output.contains("Restore the missing shards"), "\(attested)")
                }
                // A boot is what mends it.
                try installation.host.boot()
                try await installation.host.kernel.measure(try KernelLogs.prefix(20))
                let booted = try await agent(installation, .third, "shards", "clean", "--boot")
                #expect(booted.output.contains("removed the shards of boots"), "\(booted)")
                let attested = try await agent(installation, .third, "attest", "--once")
                #expect(attested.exit == 0 && !attested.output.contains("kexec"), "\(attested)")
            }
        }

        @Test("without the shards: the verdict doesn't ask for what nobody has alone, but says what mends it")
        func withoutShards() async throws {
            try await run(stored: 100) { installation in
                try installation.host.loseShards()
                let attested = try await agent(installation, .second, "attest", "--once")
                #expect(attested.exit == 1 && attested.output.contains("record 80: records_missing"), "\(attested)")
                #expect(attested.output.contains("lost in a kexec"), "\(attested)")
                #expect(attested.output.contains("through its firmware"), "\(attested)")
            }
        }
    }
}
