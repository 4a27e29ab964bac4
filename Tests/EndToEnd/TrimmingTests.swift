import Attester
import FolderKernel
import Foundation
import Messages
import Shards
import StandInKernel
import Store
import Synchronization
import SystemPackage
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Freeing the kernel's records") struct TrimmingTests {
        /// A kernel whose files are a folder's, over the host's TPM.
        private func kernel(_ world: World, _ log: [UInt8]) throws -> FolderKernel {
            let folder = world.folder.appending(path: "kernel")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            let kernel = FolderKernel(folder: FilePath(folder.path))
            try kernel.measure(log)
            return kernel
        }

        @Test("leaves a host attested, with every record from the shards") func freed() async throws {
            let log = try KernelLogs.prefix(200)
            try await World.run(measured: log) { world in
                let kernel = try kernel(world, log)
                let attestation = try await world.attest(try await world.host.attester(over: kernel))
                #expect(attestation.result.tier == .affirming && attestation.recordsSent == 200)
                #expect(kernel.length == 0)
            }
        }

        @Test("impossible, for another program writes and never closes: what is stored is attested while it suffices")
        func writer() async throws {
            let log = try KernelLogs.prefix(200)
            try await World.run(measured: log) { world in
                let kernel = try kernel(world, log)
                let attester = try await world.host.attester(over: kernel)
                _ = try await world.attest(attester)
                let writer = try kernel.open(.staged, .writing)
                let notices = Mutex<[LogNotice]>([])
                let attestation = try await world.attest(attester) { event in
                    if case .notice(let notice) = event { notices.withLock { $0.append(notice) } }
                }
                #expect(attestation.result.tier == .affirming && attestation.result.nextRecord == 200)
                let said = notices.withLock { $0.map(\.description) }
                #expect(said.count == 1 && said.first?.contains("open for writing") == true, "\(said)")
                // Something was measured that nobody can read: no verdict, and none that the host doesn't deserve.
                let last = try world.snapshot().verdict
                let more = KernelRecords.file("/more", content: [1])
                try await world.host.kernel.extend(more)
                try kernel.measure(more)
                let error = await #expect(throws: AttesterError.self) { try await world.attest(attester) }
                #expect(error?.code == .logBusy)
                #expect(try world.snapshot().verdict == last)
                kernel.close(writer)
                #expect(try await world.attest(attester).result.nextRecord == 201)
            }
        }

        @Test("under a unit that sees securityfs read-only: it is said, and everything is stored; configured, it isn't")
        func readOnly() async throws {
            let log = try KernelLogs.prefix(50)
            try await InstalledHost.run(measured: log) { host in
                // Such a kernel, as far as plain files go: nothing is staged.
                try host.write("", to: "sys/kernel/security/integrity/ima/binary_runtime_measurements_staged")
                let command = "/usr/bin/assay-agent shards snapshot --set trim=staged"
                let (exit, output) = try await host.run(command, isTunable: false)
                #expect(exit == 0, "\(output)")
                #expect(output.contains("read-only for this process"), "\(output)")
                #expect(output.contains("50 records, 50 new"), "\(output)")
            }
        }

        @Test("is set up by one command, drop-in and setting, and taken back by another") func configured() async throws
        {
            try await InstalledHost.run(measured: try KernelLogs.prefix(1)) { host in
                let former = "# A comment that stays.\ntpm: { tcti: \"\(host.host.tpm.tcti)\" }\n#trim: off\n"
                try host.write(former, to: "etc/assay/agent.yaml")
                let (exit, output) = try await host.run("/usr/bin/assay-agent configure --trim staged")
                #expect(exit == 0 && output.contains("this kernel can't free"), "\(output)")
                #expect(output.contains("systemctl daemon-reload"))
                let configuration = host.file("etc/assay/agent.yaml")
                #expect(
                    try String(contentsOf: configuration, encoding: .utf8)
                        == former.replacing("#trim: off", with: "trim: staged"))
                let dropIn = host.file("etc/systemd/system/assay-agent.service.d/trim.conf")
                let settings = try String(contentsOf: dropIn, encoding: .utf8)
                for line in ["AmbientCapabilities=CAP_SYS_ADMIN", "ReadWritePaths=-/sys/kernel/security"] {
                    #expect(settings.contains("\n\(line)\n"))
                }
                let attributes = try FileManager.default.attributesOfItem(atPath: dropIn.path)
                #expect(attributes[.posixPermissions] as? Int == 0o644)
                // systemd takes the unit with it, and the service gets what it takes; it would say so if it didn't.
                let systemdAnalyze = "/usr/bin/systemd-analyze"
                try FileManager.default.copyItem(
                    atPath: systemdAnalyze, toPath: host.file(String(systemdAnalyze.dropFirst())).path)
                let unit = try Unit("assay-agent.service").path
                let verify = "\(systemdAnalyze) verify --man=no \(unit)"
                let survey = "\(systemdAnalyze) security --offline=true --no-pager \(unit)"
                let isAdministrator = "Service has administrator privileges"
                let (accepted, complaints) = try await host.run(verify)
                #expect(accepted == 0 && complaints == "", "\(complaints)")
                #expect(try await host.run(survey).output.contains(isAdministrator))
                try Data("[Service]\nNoSuchSetting=1\n".utf8).write(to: dropIn)
                #expect(try await host.run(verify).output.contains("NoSuchSetting"))
                #expect(try await !host.run(survey).output.contains(isAdministrator))

                let (again, taken) = try await host.run("/usr/bin/assay-agent configure --trim off --json")
                #expect(again == 0 && taken.contains("\"trim\":\"off\""), "\(taken)")
                #expect(
                    try String(contentsOf: configuration, encoding: .utf8)
                        == former.replacing("#trim: off", with: "trim: off"))
                #expect(!FileManager.default.fileExists(atPath: dropIn.path))
            }
        }

        @Test("isn't set up in a configuration that isn't there, or can't be written line by line")
        func unconfigurable() async throws {
            try await InstalledHost.run(measured: try KernelLogs.prefix(1)) { host in
                let flow = "{ tpm: { tcti: \"\(host.host.tpm.tcti)\" } }\n"
                try host.write(flow, to: "etc/assay/agent.yaml")
                let (exit, output) = try await host.run("/usr/bin/assay-agent configure --trim staged")
                #expect(exit == 2 && output.contains("set trim: staged in it yourself"), "\(output)")
                #expect(try String(contentsOf: host.file("etc/assay/agent.yaml"), encoding: .utf8) == flow)
                let missing = "/usr/bin/assay-agent configure --trim staged --config /etc/assay/none.yaml"
                let (status, words) = try await host.run(missing)
                #expect(status == 2 && words.contains("join"), "\(words)")
            }
        }
    }

    @Suite("A service that is stopped") struct StoppingTests {
        @Test("between rounds with nothing to send has logged no empty shard, and warns of nothing") func quiet()
            async throws
        {
            let log = try KernelLogs.prefix(100)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let agent = try installation.agent(["run", "--log-level", "debug"])
                try await until("a third round; agent: \(agent.output)") {
                    try installation.snapshot().verdict?.number ?? 0 >= 3
                }
                agent.send(SIGTERM)
                #expect(try await agent.exitCode() == 0, "\(agent.output)")
                let lines = agent.output.split(separator: "\n")
                #expect(!lines.contains { $0.contains(" warning ") || $0.contains(" error ") }, "\(agent.output)")
                let shards = lines.filter { $0.contains("shard sent") }
                #expect(!shards.isEmpty && !shards.contains { $0.contains("of=0 ") }, "\(agent.output)")
                verifier.send(SIGTERM)
                #expect(try await verifier.exitCode() == 0)
            }
        }

        @Test("while no verifier answers warns of nothing either") func alone() async throws {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let agent = try installation.agent(["run"])
                try await agent.wait(for: "not attested")
                let said = agent.output
                agent.send(SIGTERM)
                #expect(try await agent.exitCode() == 0, "\(agent.output)")
                #expect(!agent.output.dropFirst(said.count).contains(" warning "), "\(agent.output)")
            }
        }
    }
}
