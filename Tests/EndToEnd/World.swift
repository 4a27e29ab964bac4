import Appraisal
import Attester
import Foundation
import IMA
import Messages
import NIOPosix
import Server
import ServiceLifecycle
import StandInKernel
import Store
import Synchronization
import SystemPackage
import TPM
import TestSupport
import Transport

/// A verifier in this process, with its store, and a host that attests to it; gone when the body returns.
struct World: Sendable {
    let folder: URL
    let pki: TestPKI
    let host: Host
    let store: Store
    let port: Int
    let log: RecordedLog

    /// Shards as small as a real log of 45 KB needs to be sent in several.
    static let smallShards: SessionSettings = {
        var settings = SessionSettings()
        settings.shardBytes = 8 << 10
        return settings
    }()

    /// Runs a test.
    ///
    /// - Parameter measured: what the host has measured; unless it is told otherwise, the policy allows it.
    static func run(
        _ settings: SessionSettings = smallShards, measured: [UInt8], allows: Allowed = .measured,
        _ body: (World) async throws -> Void
    ) async throws {
        try await Workshop.run { workshop in
            let host = workshop.host
            try await host.kernel.measure(measured)
            let store = try Store(path: workshop.storePath)
            defer { store.close() }
            if allows != .notEnrolled { try await store.enrol(host) }
            if allows == .measured { try await store.assign(measured) }
            let log = RecordedLog()
            let context = try workshop.pki.serverContext()
            let server = try await VerifierServer(
                host: "127.0.0.1", port: 0, context: { context },
                group: MultiThreadedEventLoopGroup.singleton,
                services: SessionServices(store: store, settings: settings, time: now), logger: log.logger)
            let services = ServiceGroup(services: [ServedService(server: server)], logger: log.logger)
            try await withThrowingTaskGroup { group in
                group.addTask { try await services.run() }
                let world = World(
                    folder: workshop.folder, pki: workshop.pki, host: host, store: store, port: server.port, log: log)
                let result = await Result.of { try await body(world) }
                await services.triggerGracefulShutdown()
                try await group.waitForAll()
                try result.get()
            }
        }
    }

    /// What the agent is enrolled with.
    enum Allowed {
        case measured
        case noPolicy
        case notEnrolled
    }

    /// Connects with a certificate of the test's, or with none.
    ///
    /// - Parameter link: a port that leads to the verifier's.
    func dial(_ certificate: String? = "agent", through link: Int? = nil) async throws -> AgentConnection {
        try await AssayDialer.connect(
            host: "127.0.0.1", port: link ?? port, context: try pki.clientContext(certificate),
            group: MultiThreadedEventLoopGroup.singleton)
    }

    /// Attests once, as `assay-agent attest --once` does.
    ///
    /// - Parameter observe: sees each event as it happens.
    func attest(
        _ attester: Attester, through link: Int? = nil, observe: @escaping @Sendable (Attester.Event) -> Void = { _ in }
    ) async throws -> Attestation {
        let events = Mutex<[Attester.Event]>([])
        let result = try await attester.attest(over: try await dial(through: link), once: true) { event in
            observe(event)
            events.withLock { $0.append(event) }
        }
        guard let result else { throw Unexpected("the verifier closed without a verdict") }
        return Attestation(result: result, events: events.withLock { $0 })
    }

    /// What the store knows of the host.
    func snapshot() throws -> AgentSnapshot { try store.snapshot(of: AgentID(Host.id)) }
}

/// A verdict, and how it came about.
struct Attestation {
    let result: AttestationResult
    /// The first record that each Challenge asked for.
    let challenges: [UInt64]
    let shards: [AttesterSession.Progress]

    init(result: AttestationResult, events: [Attester.Event]) {
        self.result = result
        challenges = events.compactMap { if case .challenged(let first) = $0 { first } else { nil } }
        shards = events.compactMap { if case .progress(let progress, _) = $0 { progress } else { nil } }
    }

    /// The reasons of the findings, in order.
    var reasons: [String] { result.findings.map(\.reason) }

    /// Records sent, in all rounds.
    var recordsSent: UInt64 { shards.reduce(0) { $0 + UInt64($1.shardRecords) } }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

private struct ServedService: Service {
    let server: VerifierServer
    func run() async throws { await server.run() }
}

extension Result where Failure == any Error {
    /// What a call comes to, to be looked at after something else was done.
    static func of(_ body: () async throws -> Success) async -> Self {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
}
