import Foundation
import StandInKernel
import Testing

extension EndToEnd {
    @Suite("From nothing to a watched host in two lines") struct NewcomerTests {
        @Test("init, invite, join, verdict; again; revoke; remove") func wholeLife() async throws {
            let log = try KernelLogs.prefix(10)
            try await Newcomer.run { newcomer in
                try await newcomer.host.kernel.measure(log)
                let port = try Newcomer.freePort()
                let made = try await newcomer.initialize(port: port)
                #expect(made.exit == 0 && made.output.contains("assay-verifier invite"), "\(made.output)")
                #expect(try newcomer.mode(newcomer.path("verifier/ca/ca.key")) == 0o600)
                let again = try await newcomer.initialize(port: port)
                #expect(again.exit == 2 && again.output.contains("is there already"))
                try await newcomer.putPolicy(allowing: log)

                let verifier = try await newcomer.serve()
                let token = try await newcomer.invite(["--id", "web-1"])
                let configuration = newcomer.path("agent.yaml")
                try Data("# mine\nshards: { quota_bytes: 2097152 }\n".utf8).write(to: URL(filePath: configuration))
                let joined = try await newcomer.join(token)
                #expect(joined.exit == 0 && joined.output.contains("as web-1"), "\(joined.output)\(verifier.output)")
                #expect(joined.output.contains("the former configuration is kept as \(configuration).before-join"))
                let checked = try await newcomer.agent(["run", "--check"])
                #expect(checked.exit == 0 && checked.output.contains(" 2097152 "), "\(checked.output)")
                for secret in ["agent.key", "attestation-key"] {
                    #expect(try newcomer.mode(newcomer.host.stateFolder.path + "/" + secret) == 0o600)
                }
                let certificate = try String(
                    contentsOfFile: newcomer.host.stateFolder.path + "/agent.pem", encoding: .utf8)
                let repeated = try await newcomer.agent(["join", token])
                #expect(repeated.exit == 0, "\(repeated.output)")
                #expect(
                    try String(contentsOfFile: newcomer.host.stateFolder.path + "/agent.pem", encoding: .utf8)
                        == certificate)

                let attested = try await newcomer.agent(["attest", "--once"])
                #expect(
                    attested.exit == 0 && attested.output.contains("identity: EK not certified"), "\(attested.output)")
                let json = try await newcomer.agent(["attest", "--once", "--json"])
                #expect(json.exit == 0 && json.output.contains(#""identity":"EK not certified""#))
                let shown = try await newcomer.verifier(["agents", "show", "web-1"])
                #expect(shown.exit == 0 && shown.output.contains("identity: EK not certified"), "\(shown.output)")
                let shownJSON = try await newcomer.verifier(["agents", "show", "web-1", "--json"])
                #expect(shownJSON.output.contains(#""identity":"EK not certified""#))

                let service = try newcomer.startAgent(["run"])
                try await service.wait(for: "tier=affirming")
                let revoked = try await newcomer.verifier(["agents", "revoke", "web-1"])
                #expect(revoked.exit == 0 && revoked.output.contains("agents remove web-1"))
                try await service.wait(for: "agent web-1 is revoked")
                service.kill()
                let refused = try await newcomer.agent(["attest", "--once"])
                #expect(refused.exit == 3 && refused.output.contains("agents revoke web-1 --undo"), "\(refused.output)")
                #expect(try await newcomer.verifier(["agents", "revoke", "web-1", "--undo"]).exit == 0)
                #expect(try await newcomer.agent(["attest", "--once"]).exit == 0)

                #expect(try await newcomer.verifier(["agents", "remove", "web-1"]).exit == 0)
                let gone = try await newcomer.agent(["attest", "--once"])
                #expect(gone.exit == 3 && gone.output.contains("assay-verifier invite --id web-1"), "\(gone.output)")
                let shownGone = try await newcomer.verifier(["agents", "show", "web-1"])
                #expect(shownGone.exit == 3)
                let used = try await newcomer.agent(["join", token])
                #expect(used.exit == 3 && used.output.contains("used up"), "\(used.output)")
                verifier.kill()
            }
        }

        @Test("bad input of a new user: each refusal says what to do next") func badInput() async throws {
            try await Newcomer.run { newcomer in
                let port = try Newcomer.freePort()
                #expect(try await newcomer.initialize(port: port).exit == 0)
                try await newcomer.putPolicy(allowing: try KernelLogs.prefix(2))
                // Nobody is there, and nothing is made in the TPM or on the disk.
                let untouched = newcomer.path("untouched")
                let unreachable = try await newcomer.join(try await newcomer.invite(), state: untouched)
                #expect(unreachable.exit == 3 && unreachable.output.contains("assay-verifier serve"))
                #expect(!FileManager.default.fileExists(atPath: untouched))
                let verifier = try await newcomer.serve()

                let expired = try await newcomer.invite(["--expires", "1s"])
                try await Task.sleep(for: .milliseconds(2100))
                let late = try await newcomer.join(expired)
                #expect(late.exit == 3 && late.output.contains("expired"), "\(late.output)")
                #expect(late.output.contains("assay-verifier invite"))

                let mistyped = try await newcomer.join(String(expired.dropLast()))
                #expect(mistyped.exit == 2 && mistyped.output.contains("mistyped"), "\(mistyped.output)")
                let nonsense = try await newcomer.join("web-1")
                #expect(nonsense.exit == 2 && nonsense.output.contains("assay-verifier invite"))

                let empty = try await newcomer.agent(["join", expired, "--tcti", ""])
                #expect(empty.exit == 2 && empty.output.contains("--tcti is empty"), "\(empty.output)")

                for setting in ["ca.invitation_key=/nonexistent", "join.address=nowhere"] {
                    let unusable = try await newcomer.verifier(["serve", "--check", "--set", setting])
                    #expect(unusable.exit == 2, "\(setting): \(unusable.output)")
                }

                // Another verifier on the same address: its token names another authority.
                #expect(try await newcomer.initialize("other", port: port).exit == 0)
                let policy = try await newcomer.verifier(
                    ["policy", "put", "allowed", newcomer.path("policy.json")], "other")
                #expect(policy.exit == 0)
                let foreign = try await newcomer.join(try await newcomer.invite([], "other"), state: untouched)
                #expect(foreign.exit == 3 && foreign.output.contains("another authority"), "\(foreign.output)")
                #expect(!FileManager.default.fileExists(atPath: untouched))
                let taken = try await newcomer.verifier(["serve"], "other")
                #expect(taken.exit == 3 && taken.output.contains("listen.port"), "\(taken.output)")

                for arguments in [
                    ["--expires", "5x"], ["--expires", "0s"], ["--uses", "0"], ["--id", "a b"],
                    ["--id", "a", "--uses", "2"],
                ] {
                    let refused = try await newcomer.verifier(["invite"] + arguments)
                    #expect(refused.exit == 2, "\(arguments): \(refused.output)")
                }
                let unknownPolicy = try await newcomer.verifier(["invite", "--policy", "none"])
                #expect(unknownPolicy.exit == 3 && unknownPolicy.output.contains("policy list"))
                verifier.kill()
            }
        }
    }
}
