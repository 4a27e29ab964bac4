import Foundation
import Glibc
import StandInKernel
import TPMDevice
import Testing

extension EndToEnd {
    /// `make test-services` has the services themselves go on with what root leaves.
    @Suite(
        "What root does in a service's folder is the service's",
        .enabled(if: geteuid() == 0, "only root makes files that aren't the service's"))
    struct OwnershipTests {
        private static let service: uid_t = 64_311

        /// Makes a folder that is the service's.
        private func give(_ path: String) throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            #expect(chown(path, Self.service, Self.service) == 0)
        }

        /// What isn't the service's, in a folder that must hold something.
        private func others(in folder: String) throws -> [String] {
            let names = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
            #expect(!names.isEmpty)
            return names.filter { name in
                var status = stat()
                return lstat("\(folder)/\(name)", &status) != 0 || status.st_uid != Self.service
                    || status.st_gid != Self.service
            }
        }

        @Test("whatever it does with the verifier: init, put, serve, add, backup, restore, migrate") func verifier()
            async throws
        {
            try await Newcomer.run { newcomer in
                let folder = newcomer.path("verifier")
                try give(folder)
                func run(_ command: String...) async throws {
                    let done = try await newcomer.verifier(command)
                    #expect(done.exit == 0, "\(command): \(done.output)")
                    #expect(try others(in: folder) == [], "\(command)")
                }
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                #expect(try others(in: folder) == [])
                try await newcomer.putPolicy(allowing: try KernelLogs.prefix(2))
                #expect(try others(in: folder) == [])
                let server = try await newcomer.serve()
                server.send(SIGTERM)
                #expect(try await server.exitCode() == 0)
                #expect(try others(in: folder).isEmpty && exists(folder + "/store/server.lock"))

                try Data(newcomer.host.key.publicArea).write(to: URL(filePath: newcomer.path("ak.pub")))
                try await run("agents", "add", "web-1", "--ak", newcomer.path("ak.pub"))
                // Where the service keeps it, it is the service's; elsewhere it is root's.
                let copies = [folder + "/copy.mdb", newcomer.path("copy.mdb")]
                for copy in copies { try await run("store", "backup", copy) }
                for copy in copies { try await run("store", "restore", copy) }
                try await run("store", "downgrade", "--to", "1")
                try await run("store", "upgrade")
                try FileManager.default.removeItem(atPath: folder + "/store")
                try await run("store", "restore", newcomer.path("copy.mdb"))
                try await run("store", "create", "--store", folder + "/other")
                #expect(exists(folder + "/other/data.mdb"))
            }
        }

        @Test("whatever it does with the agent: key, join, attest, shards") func agent() async throws {
            let log = try KernelLogs.prefix(60)
            try await Newcomer.run { newcomer in
                try await newcomer.host.kernel.measure(log)
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                try await newcomer.putPolicy(allowing: log)
                let server = try await newcomer.serve()
                let state = newcomer.path("state")
                try give(state)
                func check(_ done: (exit: Int32?, output: String)) throws {
                    #expect(done.exit == 0, "\(done.output)")
                    #expect(try others(in: state) == [], "\(done.output)")
                }
                try check(try await newcomer.join(try await newcomer.invite(["--id", "web-1"]), state: state))
                try check(try await newcomer.agent(["key", "--out", newcomer.path("host.pub")]))
                try check(try await newcomer.agent(["shards", "snapshot"]))
                try check(try await newcomer.agent(["attest", "--once"]))
                try check(try await newcomer.agent(["shards", "clean", "--boot"]))
                try check(try await newcomer.agent(["doctor"]))
                server.kill()
            }
        }

        private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
    }
}
