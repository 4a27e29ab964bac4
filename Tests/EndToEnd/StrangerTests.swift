import AssayCrypto
import Attester
import Foundation
import Messages
import NIOCore
import NIOPosix
import StandInKernel
import Store
import TPMDevice
import TestSupport
import Testing
import Transport

extension EndToEnd {
    @Suite("A stranger costs little") struct StrangerTests {
        /// Connections that say nothing, open until the body returns.
        private func withSilence(
            _ count: Int, on port: Int, _ body: () async throws -> Void
        ) async throws {
            var silent: [any Channel] = []
            for _ in 0..<count {
                let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                silent.append(try await bootstrap.connect(host: "127.0.0.1", port: port).get())
            }
            let result = await Result.of(body)
            for channel in silent { try? await channel.close() }
            try result.get()
        }

        @Test("300 silent connections keep no agent out, and the operator is told") func silence() async throws {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                try await withSilence(300, on: try verifier.listeningPort()) {
                    let began = ContinuousClock.now
                    #expect(try await installation.attest() == 0, "\(verifier.output)")
                    #expect(ContinuousClock.now - began < .seconds(9), "as long as a silent stranger is given")
                    let health = try httpGet(port: try verifier.monitoringPort(), path: "/healthz")
                    #expect(health.status == 200 && health.body.contains("warning: too many connections"))
                    let metrics = try httpGet(port: try verifier.monitoringPort(), path: "/metrics").body
                    let counted = metrics.split(separator: "\n").first {
                        $0.hasPrefix(#"assay_listener_full_total{limit="source"}"#)
                    }
                    #expect(counted?.hasSuffix(" 0") == false)
                }
                let told = verifier.output.split(separator: "\n").count { $0.contains("the listener is full") }
                #expect((1...4).contains(told))
            }
        }

        @Test("70 strangers that have shaken hands and say nothing keep no host from joining") func joining()
            async throws
        {
            try await InvitingVerifier.run { verifier in
                let token = try await verifier.invite()
                var silent: [AgentConnection] = []
                for _ in 0..<70 { silent.append(try await verifier.dial(token)) }
                let host = try await JoiningHost()
                #expect(try await host.join(verifier, token).agentID == Array("web-1".utf8))
                for connection in silent { connection.abort() }
            }
        }

        @Test("who says that it knows a token takes no place of who proves it") func unproved() async throws {
            try await InvitingVerifier.run { verifier in
                let token = try await verifier.invite()
                let host = try await JoiningHost()
                for _ in 0..<70 {
                    let connection = try await verifier.dial(token)
                    let request = JoinRequest(
                        tokenHash: token.hash, agentID: [],
                        endorsementKeyPublic: try await host.device.endorsementKeyPublic(.p256),
                        attestationKeyPublic: host.attestationKey.publicArea, endorsementKeyCertificate: [],
                        certificateRequest: try CertificateRequest(for: host.key).der,
                        proof: [UInt8](repeating: 0, count: 32))
                    try await connection.send(.joinRequest(request))
                    guard case .status(let status) = try await connection.receive() else {
                        throw Unexpected("no Status")
                    }
                    #expect(status.code == .permissionDenied)
                    await connection.close()
                }
                #expect(try await host.join(verifier, token).agentID == Array("web-1".utf8))
            }
        }

        @Test("a host's name that is a command is refused, and nothing of it is offered to be copied")
        func hostileName()
            async throws
        {
            try await InvitingVerifier.run { verifier in
                let token = try await verifier.invite(nil)
                let host = try await JoiningHost()
                #expect(try await host.refusal(verifier, token, wishing: "-rf").contains("doesn't begin with -"))
                _ = try await host.join(verifier, token, wishing: "a;reboot")
                let id = try AgentID("a;reboot")
                try await verifier.store.setRevocation(of: id, at: now())
                #expect(try await host.refusal(verifier, token).contains("agents revoke 'a;reboot' --undo"))
            }
        }

        @Test("without a descriptor left the verifier waits, says so, and goes on when there is one") func descriptors()
            async throws
        {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                let port = try verifier.listeningPort()
                let held = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(verifier.processID)/fd").count
                // The limit at the start leaves room; one that sinks later doesn't.
                try await verifier.limitDescriptors(to: held + 4)
                try await withSilence(40, on: port) {
                    try await until("a word about descriptors: \(verifier.output)") {
                        verifier.output.contains("no descriptor")
                    }
                    let before = try verifier.processorTicks()
                    try await Task.sleep(for: .seconds(3))
                    #expect(try verifier.processorTicks() - before < 50, "it spins")
                }
                #expect(try await installation.attest() == 0, "\(verifier.output)")
            }
        }

        @Test("with few descriptors from the start, the verifier keeps some for itself, and serves")
        func fewDescriptors()
            async throws
        {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve(descriptors: 80)
                try await withSilence(120, on: try verifier.listeningPort()) {
                    #expect(try await installation.attest() == 0, "\(verifier.output)")
                    let metrics = try httpGet(port: try verifier.monitoringPort(), path: "/metrics")
                    #expect(metrics.status == 200)
                }
                #expect(verifier.output.contains("LimitNOFILE") && !verifier.output.contains("no descriptor"))
            }
        }
    }
}

extension Program {
    /// The port of `listening on HOST:PORT`.
    fileprivate func listeningPort() throws -> Int {
        let line = output.split(separator: "\n").first { $0.hasPrefix("listening on ") }
        guard let port = line?.split(separator: ":").last.flatMap({ Int($0) }) else { throw Unexpected(output) }
        return port
    }

    /// Lowers the number of files that the process may have open (prlimit(1)).
    fileprivate func limitDescriptors(to count: Int) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-limit-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let command = try Program(
            path: "prlimit", ["--pid", "\(processID)", "--nofile=\(count):\(count)"], in: folder)
        guard try await command.exitCode() == 0 else { throw Unexpected(command.output) }
    }

    /// Processor time so far, in hundredths of a second.
    fileprivate func processorTicks() throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8)
        let fields = text.split(separator: ")").last.map { $0.split(separator: " ") } ?? []
        guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
            throw Unexpected(text)
        }
        return user + system
    }
}
