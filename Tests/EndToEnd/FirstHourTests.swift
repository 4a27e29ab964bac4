import Foundation
import Glibc
import StandInKernel
import TestSupport
import Testing

extension EndToEnd {
    @Suite("A beginner's mistakes: what was wrong, and what to do") struct FirstHourTests {
        @Test("before init and join: one line that names the command; of a part, what is missing") func before()
            async throws
        {
            try await Newcomer.run { newcomer in
                for command in [["serve"], ["serve", "--check"], ["invite"]] {
                    let said = try await newcomer.verifier(command)
                    let lines = said.output.split(separator: "\n").filter { $0.hasPrefix("assay-verifier: ") }
                    #expect(said.exit == 2 && lines.count == 1, "\(command): \(said.output)")
                    #expect(
                        lines.last?.contains("no configuration: run `assay-verifier init`") == true, "\(said.output)")
                }
                for command in [["attest"], ["attest", "--once"], ["run"], ["run", "--check"]] {
                    let said = try await newcomer.agent(command)
                    #expect(said.exit == 2, "\(command): \(said.output)")
                    #expect(
                        said.output.hasPrefix("assay-agent: no configuration: run `assay-agent join`"), "\(said.output)"
                    )
                    #expect(said.output.split(separator: "\n").count == 1)
                }
                let (agent, verifier) = (newcomer.path("agent.yaml"), newcomer.path("verifier.yaml"))
                try Data("tpm: { tcti: \"swtpm:\" }\n".utf8).write(to: URL(filePath: agent))
                let bare = try await newcomer.agent(["attest"])
                #expect(bare.exit == 2 && bare.output.contains("run `assay-agent join`, or set verifier.host, tls."))
                try Data("tls: { key: /k }\n".utf8).write(to: URL(filePath: verifier))
                let partial = try await newcomer.verifier(["serve"])
                #expect(partial.exit == 2 && partial.output.contains("verifier.yaml: tls.certificate is missing"))
                #expect(!partial.output.contains("no configuration"), "\(partial.output)")
            }
        }

        @Test(
            "a command that there isn't: the one that was meant",
            arguments: [
                ("assay-verifier", "agent list", "did you mean `assay-verifier agents list`?"),
                ("assay-verifier", "keyrings sho web-1", "did you mean `assay-verifier keyrings show`?"),
                (
                    "assay-verifier", "--json agents list",
                    "--json goes behind the command: `assay-verifier agents list`"
                ),
                ("assay-verifier", "help nope", "has no command \"nope\""),
                ("assay-agent", "shard list", "did you mean `assay-agent shards list`?"),
                ("assay-agent", "shards lst", "did you mean `assay-agent shards list`?"),
                ("assay-agent", "status", "has no command \"status\", but join, doctor"),
            ])
        func commands(program: String, line: String, words: String) async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "assay-words-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(at: folder) }
            let said = try Program(program, line.split(separator: " ").map(String.init), in: folder)
            #expect(try await said.exitCode() == 2)
            #expect(said.output.contains(words), "\(said.output)")
        }

        @Test("a token never names the verifier as its certificate doesn't; the server adds the name") func names()
            async throws
        {
            try await Newcomer.run { newcomer in
                let port = try Newcomer.freePort()
                #expect(try await newcomer.initialize(port: port).exit == 0)
                try await newcomer.putPolicy(allowing: try KernelLogs.prefix(2))
                let invite = ["invite", "--policy", "allowed"]
                let refused = try await newcomer.verifier(invite + ["--set", "join.address=localhost:\(port)"])
                #expect(refused.exit == 2, "\(refused.output)")
                #expect(refused.output.contains("join.address names localhost"), "\(refused.output)")
                #expect(refused.output.contains("verifier.pem has 127.0.0.1;"), "\(refused.output)")
                let file = newcomer.path("verifier.yaml")
                let text = try String(contentsOfFile: file, encoding: .utf8)
                try text.replacing("\"127.0.0.1:\(port)\"", with: "\"localhost:\(port)\"").write(
                    toFile: file, atomically: true, encoding: .utf8)
                #expect(try await newcomer.verifier(invite).exit == 2)
                let server = try await newcomer.serve()
                let joined = try await newcomer.join(try await newcomer.invite(["--id", "web-1"]))
                #expect(joined.exit == 0 && joined.output.contains("joined localhost:\(port)"), "\(joined.output)")
                // Hosts that dial the former name go on.
                #expect(try await newcomer.verifier(invite + ["--set", "join.address=127.0.0.1:\(port)"]).exit == 0)
                server.kill()
            }
        }

        @Test("joining as somebody else is asked about, and what is lost is said") func rejoining() async throws {
            try await Newcomer.run { newcomer in
                let port = try Newcomer.freePort()
                #expect(try await newcomer.initialize(port: port).exit == 0)
                try await newcomer.putPolicy(allowing: try KernelLogs.prefix(2))
                let server = try await newcomer.serve()
                #expect(try await newcomer.join(try await newcomer.invite(["--id", "web-1"])).exit == 0)
                let configuration = try String(contentsOfFile: newcomer.path("agent.yaml"), encoding: .utf8)

                // Without a word about it the host stays who it is.
                let again = try await newcomer.join(try await newcomer.invite())
                #expect(again.exit == 0 && again.output.contains("as web-1"), "\(again.output)")
                let other = try await newcomer.join(try await newcomer.invite(), ["--id", "web-2"])
                #expect(other.exit == 2 && other.output.contains("give --yes"), "\(other.output)")
                #expect(other.output.contains("this host is web-1 of 127.0.0.1:\(port), and would be web-2 instead"))
                #expect(other.output.contains("assay-verifier agents remove web-1"), "\(other.output)")
                let refused = try await newcomer.join(try await newcomer.invite(), ["--id", "web-2", "--yes"])
                #expect(refused.exit == 3 && refused.output.contains("enrolled as web-1 already"), "\(refused.output)")

                let otherPort = try Newcomer.freePort()
                #expect(try await newcomer.initialize("other", port: otherPort).exit == 0)
                let put = ["policy", "put", "allowed", newcomer.path("policy.json")]
                #expect(try await newcomer.verifier(put, "other").exit == 0)
                let second = try await newcomer.serve("other", settings: ["monitoring.port=0"])
                let token = try await newcomer.invite([], "other")
                let moved = try await newcomer.join(token)
                #expect(moved.exit == 2 && moved.output.contains("127.0.0.1:\(otherPort)'s instead"), "\(moved.output)")
                #expect(try String(contentsOfFile: newcomer.path("agent.yaml"), encoding: .utf8) == configuration)
                let meant = try await newcomer.join(token, ["--yes"])
                #expect(meant.exit == 0 && meant.output.contains("as web-1"), "\(meant.output)")
                server.kill()
                second.kill()
            }
        }

        @Test("a second agent on the host is told of the first; a single attestation beside it, too") func twoAgents()
            async throws
        {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let first = try installation.agent(["run"])
                try await first.wait(for: "tier=affirming")
                for arguments in [["run"], ["attest"]] {
                    let second = try installation.agent(arguments)
                    #expect(try await second.exitCode() == 3)
                    #expect(
                        second.output.contains("assay-agent runs on this host already (process \(first.processID))"),
                        "\(second.output)")
                }
                let once = try installation.agent(["attest", "--once"])
                #expect(try await once.exitCode() == 0, "\(once.output)\(verifier.output)")
                #expect(once.output.contains("already (process \(first.processID)): its connection ends for this one"))
                try await first.wait(for: "took over, from 127.0.0.1:")
                first.kill()
                let next = try installation.agent(["run"])
                try await next.wait(for: "tier=affirming")
                next.kill()
            }
        }

        @Test("a record beyond the log can't be appraised again, and nothing is kept of it") func beyond() async throws
        {
            try await Fleet.run { fleet in
                for (id, words) in [("well", "records 0 to 1199 are appraised"), ("new", "no record of its log")] {
                    let refused = try await fleet.verifier(["agents", "reattest", id, "--from", "999999"])
                    #expect(refused.exit == 2 && refused.output.contains(words), "\(refused.output)")
                    let shown = try await fleet.verifier(["agents", "show", id])
                    #expect(!shown.output.contains("999"), "\(shown.output)")
                }
                #expect(try await fleet.verifier(["agents", "reattest", "well", "--from", "1199"]).exit == 0)
            }
        }

        @Test("a hash that may be a certificate's is denied as a public key's, and that is what is said") func hashes()
            async throws
        {
            try await Fleet.run { fleet in
                let hash = String(repeating: "ab", count: 32)
                let allowed = try await fleet.verifier(["keyrings", "allow", hash])
                #expect(allowed.exit == 3 && allowed.output.contains("keyrings denied"), "\(allowed.output)")
                let denied = try await fleet.verifier(["keyrings", "deny", hash])
                #expect(denied.exit == 0 && !denied.output.contains("vouches for nothing"), "\(denied.output)")
                #expect(denied.output.hasPrefix("denied the public key of SHA-256 \(hash), if there is one"))
                #expect(denied.output.contains("keyrings allow \(hash)"), "\(denied.output)")
                #expect(try await fleet.verifier(["keyrings", "allow", hash]).exit == 0)
            }
        }

        @Test("events of one second stand behind the verdict that has brought them about; keys have their names")
        func order() async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                try await installation.host.kernel.measure(KernelRecords.file("/tmp/x", content: [1]))
                #expect(try await installation.attest() == 1)
                let history = try installation.verifier(["agents", "history", "web-1"])
                #expect(try await history.exitCode() == 0)
                let wanted = [
                    "verdict 1: affirming", "the first tier is affirming", "learned on ", "verdict 2: contraindicated",
                    "the tier became contraindicated",
                ]
                var rest = history.output[...]
                for words in wanted {
                    let range = try #require(rest.range(of: words), "\(words) in \(history.output)")
                    rest = rest[range.upperBound...]
                }
                let shown = try installation.verifier(["keyrings", "show", "web-1", "--json"])
                #expect(try await shown.exitCode() == 0)
                let object = try #require(try Fleet.Said(exit: 0, output: shown.output).objects().first)
                let rings = try #require(object["keyrings"] as? [[String: Any]])
                let keys = rings.flatMap { $0["keys"] as? [[String: Any]] ?? [] }
                let named = keys.filter { $0["subject"] is String }
                #expect(!named.isEmpty)
                for key in named {
                    let words = "key \(key["public_key_sha256"] ?? "") (\(key["subject"] ?? ""))"
                    #expect(history.output.contains(words), "\(words) in \(history.output)")
                }
            }
        }

        @Test("a name without an address: the name and the DNS, no firewall") func address() async throws {
            let log = try KernelLogs.prefix(2)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let agent = try installation.agent(["attest", "--once", "--set", "verifier.host=nowhere.invalid"])
                #expect(try await agent.exitCode() == 3)
                #expect(agent.output.contains("getent hosts nowhere.invalid"), "\(agent.output)")
                #expect(!agent.output.contains("firewall"), "\(agent.output)")
            }
        }

        @Test("files that another user can't read: each named once, and no authority is to be made anew")
        func otherUser()
            async throws
        {
            try await Newcomer.run { newcomer in
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                let key = newcomer.path("verifier/ca/ca.key")
                #expect(chmod(key, 0) == 0)
                for folder in ["verifier", "verifier/ca"] { #expect(chmod(newcomer.path(folder), 0o755) == 0) }
                let command = [
                    Program.path(of: "assay-verifier"), "serve", "--config", newcomer.path("verifier.yaml"),
                ]
                // Root may read everything.
                let user = geteuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
                let words = user + command
                let serve = try Program(path: words[0], Array(words.dropFirst()), in: newcomer.folder)
                #expect(try await serve.exitCode() == 2)
                #expect(serve.output.contains("reading \(key): Permission denied; run as root"), "\(serve.output)")
                #expect(serve.output.components(separatedBy: "ca.key").count == 2, "\(serve.output)")
                #expect(!serve.output.contains("init"), "\(serve.output)")
            }
        }

        @Test("a backup's disk that is full is named by the backup's file; the store isn't concerned") func backup()
            async throws
        {
            try await Fleet.run { fleet in
                let disk = try await SmallDisk(kibibytes: 64)
                try disk.fill(leaving: 8192)
                let backup = try await fleet.verifier(["store", "backup", disk.path + "/copy.mdb"])
                #expect(backup.exit == 3 && backup.output.contains("copy.mdb"), "\(backup.output)")
                #expect(backup.output.contains("make room on the disk that this file is on"), "\(backup.output)")
                #expect(!backup.output.contains("agents"), "\(backup.output)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path) == ["filler"])
            }
        }

        @Test("a store on a file system that is mounted read-only: mount it, be whoever you are") func readOnly()
            async throws
        {
            try await Newcomer.run { newcomer in
                let disk = try await SmallDisk(kibibytes: 1024)
                try disk.folder("verifier", linkedAs: newcomer.path("verifier"))
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                try await disk.mountReadOnly()
                let serve = try await newcomer.verifier(["serve"])
                #expect(serve.exit == 3 && serve.output.contains("mount it for writing"), "\(serve.output)")
                let put = try await newcomer.verifier(["policy", "assign", "web-1", "x"])
                #expect(put.exit == 3 && put.output.contains("mount it for writing"), "\(put.output)")
                #expect(!put.output.contains("run as"), "\(put.output)")
            }
        }
    }
}
