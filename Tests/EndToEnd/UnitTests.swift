import Foundation
import StandInKernel
import TestSupport
import Testing

extension EndToEnd {
    /// `make test-services` runs the services themselves, with systemd as PID 1; this is what needs none.
    @Suite("The packages' units") struct UnitTests {
        private func inFolder(_ body: (URL) async throws -> Void) async throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "assay-units-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(at: folder) }
            try await body(folder)
        }

        private func analyze(_ arguments: [String], in folder: URL) async throws -> (exit: Int32?, output: String) {
            let program = try Program(path: "systemd-analyze", arguments, in: folder)
            return (try await program.exitCode(), program.output)
        }

        @Test("are ones that systemd takes, without a word") func verified() async throws {
            try await inFolder { folder in
                let units = try Unit.all.map { try Unit($0).copy(into: folder).path }
                let (exit, complaints) = try await analyze(["verify", "--man=no"] + units, in: folder)
                #expect(exit == 0 && complaints == "", "\(complaints)")
                // And it would say so if a program weren't there.
                for unit in units {
                    try Unit(path: unit).copy(into: folder) { $0.replacing("ExecStart=/", with: "ExecStart=/no-such/") }
                    let (_, missing) = try await analyze(["verify", "--man=no", unit], in: folder)
                    #expect(missing.contains("/no-such/"), "\(missing)")
                }
            }
        }

        @Test("leave their services an exposure of 1.6 at most", arguments: Unit.all)
        func exposure(name: String) async throws {
            try await inFolder { folder in
                let security = ["security", "--no-pager", "--offline=true"]
                let unit = try Unit(name).path
                let (exit, table) = try await analyze(security + ["--threshold=16", unit], in: folder)
                #expect(exit == 0 && table.contains("Overall exposure level for \(name)"), "\(table)")
                let (over, _) = try await analyze(security + ["--threshold=1", unit], in: folder)
                #expect(over == 1)
            }
        }

        @Test("leave both programs the system calls that a verdict takes, and the cleaning of a boot") func verdict()
            async throws
        {
            let log = try KernelLogs.prefix(60)
            try await Newcomer.run { newcomer in
                try await newcomer.host.kernel.measure(log)
                #expect(try await newcomer.initialize(port: try Newcomer.freePort()).exit == 0)
                try await newcomer.putPolicy(allowing: log)
                let folder = newcomer.folder
                let verifier = try Unit("assay-verifier.service").start(
                    ["--config", newcomer.path("verifier.yaml")], in: folder)
                try await verifier.wait(for: "listening on ")
                let joined = try await newcomer.join(try await newcomer.invite(["--id", "web-1"]))
                #expect(joined.exit == 0, "\(joined.output)")

                let settings = ["--config", newcomer.path("agent.yaml")]
                let clean = try Unit("assay-shards-clean.service").start(settings, in: folder)
                #expect(try await clean.exitCode() == 0, "\(clean.output)")
                let agent = try Unit("assay-agent.service").start(settings, in: folder)
                try await agent.wait(for: "tier=affirming")
                for service in [agent, verifier] {
                    service.send(SIGTERM)
                    #expect(try await service.exitCode() == 0, "\(service.output)")
                }
            }
        }

        @Test("take the others away: whoever asks is refused, or dies where a unit says so", arguments: Unit.all)
        func refused(name: String) async throws {
            try await inFolder { folder in
                let unit = try Unit(name)
                let chroot = ["/usr/sbin/chroot", "/", "true"]
                let refused = try unit.confined(chroot, in: folder)
                #expect(try await refused.exitCode() == 125)
                #expect(refused.output.contains("Operation not permitted"), "\(refused.output)")
                let strict = try unit.copy(into: folder) { $0.replacing("SystemCallErrorNumber=EPERM\n", with: "") }
                #expect(try await strict.confined(chroot, in: folder).exitCode() == nil)
                // So did the agent's own service once, of a call that libdispatch makes.
                let restless = try strict.confined(["nice", "-n", "1", "true"], in: folder)
                #expect(try await restless.exitCode() == nil)
            }
        }
    }
}
