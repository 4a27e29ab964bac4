import Foundation
import StandInKernel
import TestSupport
import Testing

extension EndToEnd {
    @Suite("A full disk") struct FullDiskTests {
        @Test("init makes all or nothing, says that there is no room, and can be run again") func initialize()
            async throws
        {
            try await Newcomer.run { newcomer in
                let disk = try await SmallDisk(kibibytes: 1024)
                try disk.folder("verifier", linkedAs: newcomer.path("verifier"))
                var failures = 0
                for free in stride(from: UInt64(0), through: 256 << 10, by: 8 << 10) {
                    try disk.fill(leaving: free)
                    let made = try await newcomer.initialize(port: 7443)
                    if made.exit == 0 { break }
                    failures += 1
                    #expect(made.exit == 3 && made.output.contains("make room"), "\(free): \(made)")
                    #expect(try newcomer.files(in: "verifier").isEmpty, "\(free)")
                    #expect(!FileManager.default.fileExists(atPath: newcomer.path("verifier.yaml")))
                }
                #expect(failures > 3 && failures < 32)
                #expect(try newcomer.mode(newcomer.path("verifier/ca/ca.key")) == 0o600)
            }
        }

        @Test("init leaves nothing behind if there is no room for the configuration alone") func configuration()
            async throws
        {
            try await Newcomer.run { newcomer in
                let disk = try await SmallDisk(kibibytes: 64)
                try disk.folder("etc", linkedAs: newcomer.path("etc"))
                try disk.fill()
                let arguments = ["init", "--dir", newcomer.path("verifier"), "--name", "127.0.0.1"]
                let made = try await newcomer.verifier(arguments, "etc/verifier")
                #expect(made.exit == 3 && made.output.contains("make room"), "\(made)")
                #expect(try newcomer.files(in: "verifier").isEmpty)
                try disk.makeRoom()
                #expect(try await newcomer.verifier(arguments, "etc/verifier").exit == 0)
            }
        }

        @Test("under the verifier: what is stored stays, what isn't is refused, and all goes on when there is room")
        func verifier() async throws {
            let log = try KernelLogs.prefix(60)
            try await Newcomer.run { newcomer in
                let disk = try await SmallDisk(kibibytes: 8192)
                try disk.folder("verifier", linkedAs: newcomer.path("verifier"))
                try await newcomer.host.kernel.measure(log)
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                try await newcomer.putPolicy(allowing: log)
                let server = try await newcomer.serve()
                #expect(try await newcomer.join(try await newcomer.invite(["--id", "web-1"])).exit == 0)
                #expect(try await newcomer.agent(["attest", "--once"]).exit == 0)

                try disk.fill()
                let before = try await newcomer.verifier(["agents", "show", "web-1", "--json"])
                // The file's free pages are used up first.
                var refused: (exit: Int32?, output: String) = (0, "")
                for _ in 0..<300 where refused.exit == 0 {
                    refused = try await newcomer.verifier(["invite", "--policy", "allowed"])
                }
                #expect(refused.exit == 3 && refused.output.contains("make room"), "\(refused)")
                try Data(repeating: UInt8(ascii: " "), count: 1 << 20).write(to: URL(filePath: newcomer.path("big")))
                let put = try await newcomer.verifier(["policy", "put", "big", newcomer.path("big")])
                #expect(put.exit != 0)
                try await newcomer.host.kernel.measure(KernelRecords.file("/tmp/back door", content: [1]))
                let attested = try await newcomer.agent(["attest", "--once"])
                #expect(attested.exit == 3 && attested.output.contains("can't store a verdict now"), "\(attested)")
                #expect(server.isRunning && server.output.contains("make room"), "\(server.output)")
                let after = try await newcomer.verifier(["agents", "show", "web-1", "--json"])
                #expect(before.exit == 0 && after.exit == 0)

                server.kill()
                let restarted = try await newcomer.serve()
                try disk.makeRoom()
                #expect(try await newcomer.agent(["attest", "--once"]).exit == 1, "\(restarted.output)")
                #expect(try await newcomer.verifier(["invite", "--policy", "allowed"]).exit == 0)
                restarted.kill()
            }
        }

        @Test("under the agent: joining says so and can be repeated with the same token; attesting goes on")
        func agent() async throws {
            let log = try KernelLogs.prefix(60)
            try await Newcomer.run { newcomer in
                let disk = try await SmallDisk(kibibytes: 512)
                try FileManager.default.removeItem(at: newcomer.host.stateFolder)
                try disk.folder("agent", linkedAs: newcomer.host.stateFolder.path)
                try await newcomer.host.kernel.measure(log)
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                try await newcomer.putPolicy(allowing: log)
                let server = try await newcomer.serve()
                let token = try await newcomer.invite(["--id", "web-1"])
                // Room for nothing; for the attestation key; for the key of the certificate: the certificate is issued.
                var failures = 0
                for blocks in UInt64(0)...8 {
                    try disk.fill(leaving: blocks * 4096)
                    let joined = try await newcomer.join(token)
                    if joined.exit == 0 { break }
                    failures += 1
                    #expect(joined.exit == 3 && joined.output.contains("make room"), "\(blocks): \(joined)")
                }
                #expect(failures > 1 && failures < 9, "\(server.output)")
                #expect(server.output.contains("agent joined"))

                try disk.fill()
                let attested = try await newcomer.agent(["attest", "--once"])
                #expect(attested.exit == 0 && attested.output.contains("verdict: affirming"), "\(attested)")
                #expect(attested.output.contains("notice"), "\(attested)")
                server.kill()
            }
        }

        @Test("under standard output: an invitation that nobody got to see is no success") func output() async throws {
            try await Newcomer.run { newcomer in
                #expect(try await newcomer.initialize(port: 7443).exit == 0)
                let command = "exec '\(Program.path(of: "assay-verifier"))' invite --config \"$0\" >/dev/full"
                let invited = try Program(
                    path: "/bin/sh", ["-c", command, newcomer.path("verifier.yaml")], in: newcomer.folder)
                #expect(try await invited.exitCode() == 3)
                #expect(invited.output.contains("standard output: No space left"), "\(invited.output)")
            }
        }
    }
}

extension Newcomer {
    /// The files under a folder.
    fileprivate func files(in name: String) throws -> [String] {
        let root = URL(filePath: path(name)).resolvingSymlinksInPath()
        let found = FileManager.default.enumerator(at: root, includingPropertiesForKeys: [.isRegularFileKey])
        return try (found?.allObjects ?? []).compactMap { $0 as? URL }.filter {
            try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true
        }.map(\.path)
    }
}
