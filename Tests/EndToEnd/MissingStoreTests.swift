import Foundation
import StandInKernel
import TPMDevice
import Testing

extension EndToEnd {
    @Suite("Where there is no store") struct MissingStoreTests {
        /// A command of the program, as its own description has it (`--experimental-dump-help`).
        private struct Command: Decodable {
            let commandName: String
            let subcommands: [Command]?
            let arguments: [Argument]?

            struct Argument: Decodable {
                let kind: String
                let valueName: String?
                let names: [Name]?
                let isOptional: Bool

                struct Name: Decodable {
                    let name: String
                }
            }

            /// The commands that take `--store`, each with its words.
            func ofStore(under path: [String] = []) -> [(path: [String], arguments: [Argument])] {
                let inner = (subcommands ?? []).filter { $0.commandName != "help" }
                if !inner.isEmpty { return inner.flatMap { $0.ofStore(under: path + [$0.commandName]) } }
                let all = arguments ?? []
                guard all.contains(where: { $0.names?.contains { $0.name == "store" } == true }) else { return [] }
                return [(path, all)]
            }
        }

        private struct Description: Decodable {
            let command: Command
        }

        /// What these are for is to make one.
        private static let makers: [[String]] = [["store", "create"], ["store", "restore"]]

        private func commands(_ newcomer: Newcomer) async throws -> [[String]] {
            let help = try await newcomer.program(["--experimental-dump-help"])
            let root = try JSONDecoder().decode(Description.self, from: Data(help.output.utf8)).command
            let values = [
                "id": "web-1", "name": "allowed", "sha256": String(repeating: "0", count: 64), "n": "1",
                "file": newcomer.path("policy.json"),
            ]
            return try root.ofStore().filter { !Self.makers.contains($0.path) }.map { command in
                try command.arguments.filter { !$0.isOptional }.reduce(into: command.path) { words, argument in
                    if let option = argument.names?.first { words.append("--\(option.name)") }
                    let isKey = argument.names?.first?.name == "ak"
                    guard let name = argument.valueName, let value = isKey ? newcomer.path("ak.pub") : values[name]
                    else { throw Unexpected("what is <\(argument.valueName ?? "")> of \(command.path)?") }
                    words.append(value)
                }
            }
        }

        @Test("every command says so, and what to do, and makes none") func refused() async throws {
            try await Newcomer.run { newcomer in
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                try await newcomer.putPolicy(allowing: try KernelLogs.prefix(2))
                try Data(newcomer.host.key.publicArea).write(to: URL(filePath: newcomer.path("ak.pub")))
                let (mistyped, empty) = (newcomer.path("mistyped"), newcomer.path("empty"))
                try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: false)
                let commands = try await commands(newcomer)
                #expect(commands.count > 20 && commands.contains { $0.first == "serve" })
                for command in commands {
                    for (store, reason) in [(mistyped, "there is no such folder"), (empty, "there is no store")] {
                        let refused = try await newcomer.verifier(command + ["--store", store])
                        #expect(refused.exit == 3, "\(command): \(refused.output)")
                        #expect(refused.output.contains(reason), "\(command): \(refused.output)")
                        #expect(refused.output.contains("assay-verifier init"), "\(command): \(refused.output)")
                    }
                    #expect(!FileManager.default.fileExists(atPath: mistyped), "\(command)")
                    #expect(try FileManager.default.contentsOfDirectory(atPath: empty) == [], "\(command)")
                }
            }
        }

        @Test("store create makes one, once; it overwrites nothing") func create() async throws {
            try await Newcomer.run { newcomer in
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                let store = newcomer.path("made")
                let made = try await newcomer.verifier(["store", "create", "--store", store])
                #expect(made.exit == 0 && made.output == "an empty store is in \(store)\n")
                #expect(try newcomer.mode(store) == 0o700 && newcomer.mode(store + "/data.mdb") == 0o600)
                let data = try Data(contentsOf: URL(filePath: store + "/data.mdb"))
                let again = try await newcomer.verifier(["store", "create", "--store", store])
                #expect(again.exit == 3 && again.output.contains("there is a store already"), "\(again.output)")
                #expect(try Data(contentsOf: URL(filePath: store + "/data.mdb")) == data)
                let list = try await newcomer.verifier(["agents", "list", "--store", store])
                #expect(list.exit == 0, "\(list.output)")
                // Another program's folder is none.
                let foreign = try await newcomer.verifier(["store", "create", "--store", newcomer.path("verifier")])
                #expect(foreign.exit == 3 && foreign.output.contains("the folder holds other files"))
            }
        }
    }
}
