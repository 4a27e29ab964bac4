import AssayCrypto
import Foundation
import TPM
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

        @Test("A policy is made of a log, checked, signed, and appraised by") func logToVerdict() async throws {
            try await inFolder { folder in
                let log = Fixtures.path("appraisal/ima-log/kr-learn/log.bin")
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
                let unproved = try await verifier(["policy", "check", signed], exits: 1, in: folder)
                #expect(unproved.contains("the policy is signed") && unproved.contains("--policy-key FILE"))
                let extended = [
                    "policy", "create", "--base", signed, "--out", folder.appending(path: "more.json").path,
                ]
                try await verifier(extended, exits: 1, in: folder)
                try await verifier(extended + ["--policy-key", pki.path("ca.pem")], in: folder)
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
                let base = Fixtures.path("appraisal/policy/sc-sha1/policy.json")
                let policy = folder.appending(path: "policy.json").path
                try await verifier(
                    [
                        "policy", "create", "--tree", root.path, "--base", base, "--keyring",
                        ".ima=\(Fixtures.path("kernel/own73-staging/boot1/keys/k1.der"))", "--ignored-keyring",
                        ".platform",
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
                let bad = Fixtures.path("appraisal/policy/sc-excludeBadRegex/policy.json")
                #expect(try await verifier(["policy", "check", bad], exits: 1, in: folder).contains("excludes[0]"))
                try await verifier(["policy", "diff", bad, "/nonexistent"], exits: 3, in: folder)
                try await verifier(["policy", "create"], exits: 2, in: folder)
                try await verifier(["policy", "create", "--log", "/nonexistent"], exits: 3, in: folder)
                let list = Fixtures.path("appraisal/policy/flat-excludes/allowlist")
                let excludes = Fixtures.path("appraisal/policy/flat-excludes/excludes")
                let text = try await verifier(["policy", "convert", list, "--excludes", excludes], in: folder)
                #expect(text.contains("\"/var/log/.*\"") && text.contains("\"/bin/a\""))
                try await verifier(["policy", "convert", bad], exits: 1, in: folder)
                let log = Fixtures.path("appraisal/ima-log/kr-learn/log.bin")
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

        /// Writes a quote of PCRs 0, 7 and 10, and says by which options it is given.
        private func quote(of tpm: SyntheticTPM, in folder: URL) throws -> [String] {
            var values = PCRValues()
            for index in [0, 7, 10] { values[.sha256, index] = Digest(repeating: UInt8(index + 1), count: 32) }
            let banks = [PCRSelection.Bank(.sha256, PCRSet([0, 7, 10]))]
            let quote = try tpm.quote(
                qualifyingData: [0xbe, 0xef], selected: banks, values: values,
                clock: ClockInfo(clock: 1, resetCount: 1, restartCount: 0, isSafe: true))
            let area = tpm.publicArea.marshalled
            let files = [
                ("attest", quote.attest), ("signature", quote.signature),
                ("ak", [UInt8(area.count >> 8), UInt8(area.count & 0xff)] + area),
                ("pcrs", PCRFileBytes.plain(banks, values)),
            ]
            for (name, bytes) in files { try Data(bytes).write(to: folder.appending(path: name)) }
            let path = { (name: String) in folder.appending(path: name).path }
            return [
                "--quote", path("attest"), "--signature", path("signature"), "--ak", path("ak"), "--nonce", "beef",
                "--pcr-values", path("pcrs"),
            ]
        }

        @Test("A policy takes the boot's PCRs out of a quote that holds, and out of no other") func boot() async throws
        {
            try await inFolder { folder in
                let quote = try quote(of: SyntheticTPM(), in: folder)
                let boot = folder.appending(path: "boot.json").path
                let base = Fixtures.path("appraisal/policy/sc-sha1/policy.json")
                let create = ["policy", "create", "--base", base, "--out", boot]
                try await verifier(create + ["--pcrs", "0,7"] + quote, in: folder)
                let changes = try await verifier(["policy", "diff", base, boot], in: folder)
                #expect(changes.contains("+ assay.pcrs: 0 sha256 \(String(repeating: "01", count: 32))\n"))
                #expect(changes.contains("+ assay.pcrs: 7 sha256 \(String(repeating: "08", count: 32))\n"))
                #expect(changes.split(separator: "\n").count == 2, "\(changes)")
                #expect(try await verifier(["policy", "check", base], in: folder).contains("not appraised"))
                #expect(try await !verifier(["policy", "check", boot], in: folder).contains("assay.pcrs"))
                let verdict = try await verifier(["appraise", "--policy", boot] + quote, in: folder)
                #expect(verdict.contains("boot: PCR 0,7 compared"))
                #expect(
                    try await verifier(["appraise", "--policy", base] + quote, in: folder).contains(
                        "boot: not appraised"))

                try FileManager.default.removeItem(at: URL(filePath: boot))
                let missing = try await verifier(create + ["--pcrs", "0-7"] + quote, exits: 1, in: folder)
                #expect(missing.contains("doesn't cover PCR 1"))
                let nonce = quote.map { $0 == "beef" ? "beee" : $0 }
                #expect(
                    try await verifier(create + ["--pcrs", "0"] + nonce, exits: 1, in: folder).contains(
                        "nonce_mismatch"))
                try await verifier(create + ["--pcrs", "0"], exits: 2, in: folder)
                try await verifier(create + quote, exits: 2, in: folder)
                for pcrs in ["24", "7-0", "x", "0-10"] {
                    try await verifier(create + ["--pcrs", pcrs] + quote, exits: 2, in: folder)
                }
                try await verifier(create + ["--pcrs", "0"] + quote.prefix(6), exits: 2, in: folder)
                #expect(!FileManager.default.fileExists(atPath: boot))
            }
        }

        @Test("A key that rests on SHA-1 isn't enrolled, and its quote holds only where SHA-1 is allowed")
        func sha1() async throws {
            try await inFolder { folder in
                for tpm in [try SyntheticTPM(hash: .sha1), try SyntheticTPM(nameAlgorithm: .sha1)] {
                    let quote = try quote(of: tpm, in: folder)
                    let refused = try await verifier(["appraise"] + quote, exits: 1, in: folder)
                    #expect(refused.contains("bad_attestation_key") && refused.contains("SHA-1"))
                    let allowed = try await verifier(["appraise", "--allow-sha1"] + quote, in: folder)
                    #expect(allowed.contains("SHA-1 is allowed (--allow-sha1), and this rests on it: "))
                    let json = try await verifier(["appraise", "--allow-sha1", "--json"] + quote, in: folder)
                    #expect(json.contains("\"allows_sha1\":true"))
                    let added = try await verifier(
                        ["agents", "add", "web-1", "--ak", quote[5], "--store", folder.appending(path: "store").path],
                        exits: 3, in: folder)
                    #expect(added.contains("bad_attestation_key") && added.contains("SHA-256 or better"))
                    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "store").path))
                }
            }
        }

        @Test("Nothing is converted into a policy that wouldn't load") func unloadable() async throws {
            try await inFolder { folder in
                let list = "\(String(repeating: "a", count: 64))  /bin/a\n"
                try Data(list.utf8).write(to: folder.appending(path: "list"))
                try Data("/tmp/\n\n*\n".utf8).write(to: folder.appending(path: "excludes"))
                let (excludes, out) = (folder.appending(path: "excludes").path, folder.appending(path: "out.json").path)
                let convert = ["policy", "convert", folder.appending(path: "list").path, "--out", out]
                let refused = try await verifier(convert + ["--excludes", excludes], exits: 1, in: folder)
                #expect(refused.contains("error: excludes[1]: \"*\" doesn't compile: "))
                #expect(refused.contains("(\(excludes), line 3)"))
                try Data("{\"hashes\": {}, \"excludes\": [\"(\"]}".utf8).write(to: folder.appending(path: "json"))
                try await verifier(
                    ["policy", "convert", folder.appending(path: "json").path, "--out", out], exits: 1, in: folder)
                #expect(!FileManager.default.fileExists(atPath: out))
                try Data("\u{feff}/tmp/\nvar/\n".utf8).write(to: folder.appending(path: "excludes"))
                let warned = try await verifier(convert + ["--excludes", excludes], in: folder)
                // It fits no path, so it tells of other names; the first, without its mark, fits paths.
                let words = "warning: assay.unrooted_names[0]: \"var/\" lets any file so named pass"
                #expect(warned.contains(words) && !warned.contains("excludes[0]"))
                let check = try await verifier(["policy", "check", out], in: folder)
                #expect(check.contains(words) && !check.contains("excludes[0]"))
            }
        }
    }
}
