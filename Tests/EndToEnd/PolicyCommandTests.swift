import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Policies on the command line") struct PolicyCommandTests {
        private func inFolder(_ body: (URL) async throws -> Void) async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "assay-policy-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(at: folder) }
            try await body(folder)
        }

        @discardableResult
        private func verifier(_ arguments: [String], exits code: Int32 = 0, in folder: URL) async throws -> String {
            let program = try Program("assay-verifier", arguments, in: folder)
            #expect(try await program.exitCode() == code, "\(arguments): \(program.output)")
            return program.output
        }

        private func fixture(_ name: String) -> String { Fixtures.folder.appending(path: name).path }

        @Test("A policy is made of a log, checked, signed, and appraised by") func logToVerdict() async throws {
            try await inFolder { folder in
                let log = fixture("appraisal/ima-log/kr-learn/log.bin")
                let policy = folder.appending(path: "policy.json").path
                try await verifier(["policy", "create", "--log", log, "--out", policy], in: folder)
                #expect(try await verifier(["policy", "check", policy], in: folder).contains("the policy loads"))
                try await verifier(["appraise", "--log", log, "--policy", policy], in: folder)
                let pki = try TestPKI()
                defer { pki.remove() }
                let signed = folder.appending(path: "signed.json").path
                try await verifier(
                    [
                        "policy", "sign", policy, "--key", pki.path("ca.key"), "--certificate", pki.path("ca.pem"),
                        "--out", signed,
                    ], in: folder)
                try await verifier(["policy", "check", signed, "--policy-key", pki.path("ca.pem")], in: folder)
                try await verifier(
                    ["policy", "check", signed, "--policy-key", pki.path("other-ca.pem")], exits: 1, in: folder)
                try await verifier(["policy", "check", signed], exits: 1, in: folder)
                try await verifier(
                    ["appraise", "--log", log, "--policy", signed, "--policy-key", pki.path("ca.pem")], in: folder)
                try await verifier(["appraise", "--log", log, "--policy", signed], exits: 1, in: folder)
                try await verifier(
                    ["policy", "sign", policy, "--key", pki.path("ca.key"), "--certificate", pki.path("agent.pem")],
                    exits: 2, in: folder)
            }
        }

        @Test("A policy is made of a file tree, keys, excludes and a base; its difference shows") func tree()
            async throws
        {
            try await inFolder { folder in
                let root = folder.appending(path: "root")
                try FileManager.default.createDirectory(
                    at: root.appending(path: "bin"), withIntermediateDirectories: true)
                try Data("x".utf8).write(to: root.appending(path: "bin/a b"))
                try Data("y".utf8).write(to: root.appending(path: "bin/left"))
                try Data("# comment\n/bin/left\n".utf8).write(to: folder.appending(path: "excludes"))
                let base = fixture("appraisal/policy/up-policy-sha1/policy.json")
                let policy = folder.appending(path: "policy.json").path
                try await verifier(
                    [
                        "policy", "create", "--tree", root.path, "--base", base, "--keyring",
                        ".ima=\(fixture("kernel/own73-staging/boot1/keys/k1.der"))", "--ignored-keyring", ".platform",
                        "--excludes", folder.appending(path: "excludes").path, "--out", policy,
                    ], in: folder)
                let changes = try await verifier(["policy", "diff", base, policy], in: folder)
                #expect(changes.contains("+ digests[\"/bin/a_b\"]: 11f6ad8ec52a2984abaafd7c3b516503785c2072"))
                #expect(changes.contains("+ keyrings[\".ima\"]: ") && changes.contains("+ excludes: \"/bin/left\""))
                #expect(changes.contains("+ ima.ignored_keyrings: \".platform\""))
                #expect(!changes.contains("- ") && !changes.contains("digests[\"/bin/left\"]"))
            }
        }

        @Test("What doesn't load is told fault by fault; what isn't there is exit 3, what doesn't go together exit 2")
        func failures() async throws {
            try await inFolder { folder in
                let bad = fixture("appraisal/policy/sc-excludeBadRegex/policy.json")
                #expect(try await verifier(["policy", "check", bad], exits: 1, in: folder).contains("excludes[0]"))
                try await verifier(["policy", "diff", bad, "/nonexistent"], exits: 3, in: folder)
                try await verifier(["policy", "create"], exits: 2, in: folder)
                try await verifier(["policy", "create", "--log", "/nonexistent"], exits: 3, in: folder)
                let list = fixture("appraisal/policy/flat-excludes/allowlist")
                let excludes = fixture("appraisal/policy/flat-excludes/excludes")
                let text = try await verifier(["policy", "convert", list, "--excludes", excludes], in: folder)
                #expect(text.contains("\"/var/log/.*\"") && text.contains("\"/bin/a\""))
                try await verifier(["policy", "convert", bad], exits: 1, in: folder)
                let log = fixture("appraisal/ima-log/kr-learn/log.bin")
                let expressions = folder.appending(path: "excludes").path
                try Data("(\n".utf8).write(to: URL(filePath: expressions))
                let unusable = try await verifier(
                    ["policy", "create", "--log", log, "--excludes", expressions], exits: 1, in: folder)
                #expect(unusable.contains("excludes[0]") && !unusable.contains("digests"))
                for nothing in ["/dev/null", "-"] {
                    let program = try Program(
                        path: "/bin/sh",
                        ["-c", "exec \"$0\" policy create --log \(nothing) <&-", Program.path(of: "assay-verifier")],
                        in: folder)
                    #expect(try await program.exitCode() == 3)
                    #expect(!program.output.contains("Domain="), "\(program.output)")
                }
            }
        }
    }
}
