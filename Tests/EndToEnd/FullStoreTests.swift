import Dispatch
import Foundation
import StandInKernel
import SystemPackage
import TestSupport
import Testing

@testable import Store

extension EndToEnd {
    @Suite("A store without room") struct FullStoreTests {
        /// A verifier, and an agent that attests every second, with a verdict already given.
        private func run(
            settings: [String] = [], _ body: (Installation, _ verifier: Program, _ agent: Program) async throws -> Void
        ) async throws {
            let log = try KernelLogs.prefix(60)
            try await Installation.run(allowing: log) { installation in
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve(settings: settings)
                let agent = try installation.agent(["run", "--log-level", "debug"])
                try await until("a verdict; agent: \(agent.output)") { try installation.snapshot().verdict != nil }
                try await body(installation, verifier, agent)
                agent.kill()
                verifier.kill()
                let check = try StoreCheck(FilePath(installation.path("store")))
                #expect(check.problems.map(\.description) == [])
            }
        }

        /// No verdict is given: the operator is told, the agent is told when to come back, and the last verdict ages.
        private func expectNoVerdicts(
            _ installation: Installation, _ verifier: Program, _ agent: Program, health words: String,
            last: () throws -> UInt64
        ) async throws {
            try await until("the agent is told; agent: \(agent.output)") {
                agent.output.contains("can't store a verdict now")
            }
            let number = try last()
            let port = try verifier.monitoringPort()
            try await until("health tells") {
                let health = try httpGet(port: port, path: "/healthz")
                return health.status == 503 && health.body.contains(words)
            }
            #expect(try Samples(port: port)["assay_store_writable"] == 0)
            // The agent that runs comes back meanwhile, and may take over from this one.
            try await until("an attestation is told") {
                let once = try installation.agent(["attest", "--once"])
                #expect(try await once.exitCode() == 3)
                return once.output.contains("UNAVAILABLE")
            }
            #expect(try last() == number)
            try await until("the verdict has aged") {
                try await installation.verifier(["agents", "show", "web-1", "--max-age", "2"]).exitCode() == 4
            }
        }

        private func expectRecovery(
            _ installation: Installation, _ verifier: Program, _ agent: Program, after number: UInt64,
            last: () throws -> UInt64
        ) async throws {
            try await until("the agent's next verdict: \(agent.output)", seconds: 120) { try last() > number }
            let port = try verifier.monitoringPort()
            try await until("health is well again") { try httpGet(port: port, path: "/healthz").status == 200 }
            #expect(try Samples(port: port)["assay_store_writable"] == 1)
        }

        @Test("at its limit: no verdict, the agent is told when to come back, and it recovers by itself") func limit()
            async throws
        {
            try await run(settings: ["storage.limit=1"]) { installation, verifier, agent in
                let path = FilePath(installation.path("store"))
                let store = try Store(path: path, size: .init(initial: 1 << 20, ceiling: 1 << 20))
                defer { store.close() }
                let last = { try store.snapshot(of: AgentID(Host.id)).verdict?.number ?? 0 }
                // A reader that stays keeps the pages from being used again that each commit frees.
                let reader = try HeldReader(store)
                let failure = await store.fill()
                #expect(failure?.code == .mapFull)
                try await expectNoVerdicts(installation, verifier, agent, health: "storage.limit", last: last)
                #expect(verifier.output.contains("nothing committed") && verifier.output.contains("largest size"))
                let number = try last()
                reader.end()
                try await expectRecovery(installation, verifier, agent, after: number, last: last)
            }
        }

        @Test("near its limit it warns") func warning() async throws {
            try await run(settings: ["storage.limit=1"]) { installation, verifier, _ in
                let path = FilePath(installation.path("store"))
                let store = try Store(path: path, size: .init(initial: 1 << 20, ceiling: 1 << 20))
                defer { store.close() }
                let port = try verifier.monitoringPort()
                #expect(try httpGet(port: port, path: "/healthz").body == "ok\n")
                try await store.putPolicy("large", source: [UInt8](repeating: 1, count: 780_000), compiled: [], at: 1)
                let health = try httpGet(port: port, path: "/healthz")
                #expect(health.status == 200 && health.body.contains("ok\nwarning: the store takes"), "\(health.body)")
                try await store.deletePolicy("large")
                #expect(try httpGet(port: port, path: "/healthz").body == "ok\n")
            }
        }

        @Test("where its file can't be written: the same, as on a full disk") func disk() async throws {
            try await run { installation, verifier, agent in
                let last = { try installation.snapshot().verdict?.number ?? 0 }
                // All but the file's first two pages: the system refuses each other write, as a full disk does.
                try await Self.limitFiles(of: verifier, to: "8192", in: installation)
                try await expectNoVerdicts(installation, verifier, agent, health: "make room on the disk", last: last)
                let number = try last()
                try await Self.limitFiles(of: verifier, to: "unlimited", in: installation)
                try await expectRecovery(installation, verifier, agent, after: number, last: last)
            }
        }

        private static func limitFiles(of program: Program, to size: String, in installation: Installation) async throws
        {
            let limiter = try Program(
                path: "prlimit", ["--pid", "\(program.processID)", "--fsize=\(size):"], in: installation.workshop.folder
            )
            #expect(try await limiter.exitCode() == 0, "\(limiter.output)")
        }
    }
}

/// A snapshot of a store that stays open on a thread of its own.
private final class HeldReader: Sendable {
    private let begun = DispatchSemaphore(value: 0)
    private let ending = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    init(_ store: Store) throws {
        let (begun, end, ended) = (begun, ending, ended)
        Thread.detachNewThread {
            _ = try? store.environment.read { (transaction) throws(StoreError) in
                _ = try transaction.count(of: store.schema.agents)
                begun.signal()
                end.wait()
            }
            ended.signal()
        }
        begun.wait()
    }

    func end() {
        ending.signal()
        ended.wait()
    }
}

extension Store {
    /// Writes until not even the smallest write finds room.
    fileprivate func fill() async -> StoreError? {
        var size = 200_000
        while size > 1000 {
            do throws(StoreError) {
                try await putPolicy(
                    "fill", source: [UInt8](repeating: UInt8.random(in: 0...255), count: size), compiled: [], at: 1)
            } catch { size /= 2 }
        }
        while true {
            do throws(StoreError) { try await checkWritable() } catch { return error }
        }
    }
}
