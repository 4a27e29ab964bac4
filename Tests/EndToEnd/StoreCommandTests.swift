import Appraisal
import Foundation
import StandInKernel
import Store
import SystemPackage
import TestSupport
import Testing

extension EndToEnd {
    @Suite("The commands for the store as a whole") struct StoreCommandTests {
        @Test("info and check: what the store is, in words and as JSON") func info() async throws {
            try await Fleet.run { fleet in
                let info = try await fleet.verifier(["store", "info"])
                #expect(info.exit == 0)
                for words in [
                    "schema version 2, this release's", "server       none", "agents", "keyrings", "64.0 GiB",
                ] {
                    #expect(info.output.contains(words), "\(info.output)")
                }
                let object = try #require(
                    try await fleet.verifier(["store", "info", "--json", "--set", "storage.limit=7"]).objects().first)
                #expect(object["version"] as? Int == 2 && object["limit_bytes"] as? Int == 7 << 20)
                #expect(object["server"] is NSNull? || object["server"] == nil)
                let databases = try #require(object["databases"] as? [[String: Any]])
                #expect(databases.first { $0["name"] as? String == "agents" }?["entries"] as? Int == 5)

                let check = try await fleet.verifier(["store", "check"])
                #expect(check.exit == 0 && check.output.contains("5 agents") && check.output.contains("all well"))
                let checked = try #require(try await fleet.verifier(["store", "check", "--json"]).objects().first)
                #expect(checked["problems"] as? [String] == [])
            }
        }

        @Test("check names the agent and the database of what is damaged, and exits with 3") func damaged() async throws
        {
            try await Fleet.run { fleet in
                // A byte within a learned key's certificate: only who reads it all finds it.
                let file = fleet.folder.appending(path: "store/data.mdb")
                var bytes = try Data(contentsOf: file)
                let needle = Data(".ima".utf8) + Data([0, 0, 0, 1])
                let places = bytes.ranges(of: needle)
                #expect(!places.isEmpty)
                for place in places { bytes[place.upperBound] ^= 0xff }
                for place in places { bytes[place.lowerBound - 5] = 0x7f }
                try bytes.write(to: file)
                let check = try await fleet.verifier(["store", "check"])
                #expect(check.exit == 3, "\(check.output)")
                #expect(check.output.contains("database keyrings") && check.output.contains("agent well"))
                // Others go on, and so does the list.
                #expect(try await fleet.verifier(["agents", "show", "new"]).exit == 4)
                #expect(try await fleet.verifier(["agents", "list"]).exit == 0)
            }
        }

        @Test("backup and restore: what came after the backup is gone, and the rest is whole") func backup()
            async throws
        {
            try await Fleet.run { fleet in
                let file = fleet.folder.appending(path: "copy.mdb").path
                #expect(try await fleet.verifier(["store", "backup", file]).exit == 0)
                let again = try await fleet.verifier(["store", "backup", file])
                #expect(again.exit == 3 && again.output.contains("choose another name"), "\(again.output)")
                #expect(try await fleet.verifier(["agents", "remove", "well"]).exit == 0)
                #expect(try await fleet.verifier(["agents", "show", "well"]).exit == 3)
                let restored = try await fleet.verifier(["store", "restore", file])
                #expect(restored.exit == 0 && restored.output.contains("5 agents"), "\(restored.output)")
                #expect(try await fleet.verifier(["agents", "show", "well"]).exit == 0)
                #expect(try await fleet.verifier(["store", "check"]).exit == 0)

                try Data("no store".utf8).write(to: URL(filePath: file))
                let refused = try await fleet.verifier(["store", "restore", file])
                #expect(refused.exit == 3 && refused.output.contains("the backup can't be used"), "\(refused.output)")
                #expect(try await fleet.verifier(["agents", "show", "well"]).exit == 0)
            }
        }

        @Test("down to version 1, where other commands say what to do, and up again") func versions() async throws {
            try await Fleet.run { fleet in
                let down = try await fleet.verifier(["store", "downgrade", "--to", "1"])
                #expect(down.exit == 0 && down.output.contains("schema version 1 now"), "\(down.output)")
                let list = try await fleet.verifier(["agents", "list"])
                #expect(list.exit == 3 && list.output.contains("store upgrade"), "\(list.output)")
                let info = try await fleet.verifier(["store", "info"])
                #expect(info.exit == 0 && info.output.contains("store upgrade"))
                #expect(try await fleet.verifier(["store", "check"]).exit == 0)
                let up = try await fleet.verifier(["store", "upgrade", "--json"])
                #expect(up.exit == 0)
                #expect(up.output == "{\"from\":1,\"restarted\":4,\"to\":2}\n")
                let show = try await fleet.verifier(["agents", "show", "well", "--json"])
                let status = try #require(try show.objects().first?["status"] as? [String: Any])
                #expect(status["next_record"] as? Int == 0 && status["last_tier"] as? String == "affirming")
                let none = try await fleet.verifier(["store", "downgrade", "--to", "9"])
                #expect(none.exit == 2 && none.output.contains("knows 1 to 2"))
            }
        }

        @Test("a version 1 store of the fixtures is refused, upgraded and used") func fixture() async throws {
            try await Fleet.run { fleet in
                let store = fleet.folder.appending(path: "store")
                try FileManager.default.removeItem(at: store)
                try FileManager.default.createDirectory(at: store, withIntermediateDirectories: false)
                try Data(try Fixtures.unpacked("generated/store/version-1.mdb.xz")).write(
                    to: store.appending(path: "data.mdb"))
                let refused = try await fleet.verifier(["agents", "list"])
                #expect(refused.exit == 3 && refused.output.contains("assay-verifier store upgrade"))
                #expect(try await fleet.verifier(["store", "upgrade"]).exit == 0)
                let list = try await fleet.verifier(["agents", "list"])
                #expect(list.exit == 0 && list.output.contains("web-2"))
            }
        }

        @Test("a newer store, and a folder that is none, are refused with what to do, and stay as they are")
        func refused()
            async throws
        {
            try await Fleet.run { fleet in
                let file = fleet.folder.appending(path: "store/data.mdb")
                let well = try Data(contentsOf: file)
                var bytes = well
                for place in bytes.ranges(of: Data("assay store\n".utf8)) { bytes[place.upperBound + 3] = 9 }
                try bytes.write(to: file)
                for command in [
                    ["agents", "list"], ["store", "upgrade"], ["policy", "delete", "spare"], ["store", "check"],
                ] {
                    let said = try await fleet.verifier(command)
                    #expect(said.exit == 3 && said.output.contains("schema 9, this Assay knows 2"), "\(said.output)")
                    #expect(said.output.contains("the version of Assay that wrote it"))
                }
                let info = try await fleet.verifier(["store", "info"])
                #expect(info.exit == 0 && info.output.contains("schema version 9"))
                #expect(try Data(contentsOf: file) == bytes)

                try Data("letters".utf8).write(to: file)
                for command in [["agents", "list"], ["store", "info"], ["store", "upgrade"]] {
                    let said = try await fleet.verifier(command)
                    #expect(said.exit == 3 && said.output.contains("or an empty one for a new store"), "\(said.output)")
                }
                #expect(try Data(contentsOf: file) == Data("letters".utf8))
            }
        }

        @Test(
            "beside a server: info, check and backup work, a second server and what would pull the store away is refused"
        )
        func besideServer() async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                let copy = installation.path("copy.mdb")
                for arguments in [["store", "info"], ["store", "check"], ["store", "backup", copy]] {
                    let command = try installation.verifier(arguments)
                    #expect(try await command.exitCode() == 0, "\(command.output)")
                }
                let second = try installation.verifier(["serve", "--config", installation.path("verifier.yaml")])
                #expect(try await second.exitCode() == 3)
                #expect(second.output.contains("owns this store") && second.output.contains("stop the other server"))
                for arguments in [
                    ["store", "restore", copy], ["store", "downgrade", "--to", "1"], ["store", "upgrade"],
                ] {
                    let command = try installation.verifier(arguments)
                    #expect(try await command.exitCode() == 3 && command.output.contains("owns this store"))
                }
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                verifier.kill()
            }
        }
    }
}
