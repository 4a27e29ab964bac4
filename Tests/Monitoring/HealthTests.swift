import Logging
import ServiceLifecycle
import Store
import Synchronization
import TestSupport
import Testing

@testable import Monitoring

@Suite("Health", .timeLimit(.minutes(2))) struct HealthTests {
    private static let fullDisk = StoreError(.diskFull, "write: No space left on device")

    @Test("is good if agents can connect and the store takes a write")
    func good() async {
        #expect(await HealthCheck(isListening: { true }, checkStore: {}).problems().isEmpty)
    }

    @Test("names each problem, with what to do")
    func bad() async {
        let check = HealthCheck(isListening: { false }, checkStore: { throw Self.fullDisk })
        let problems = await check.problems()
        #expect(problems.count == 2)
        #expect(problems.first?.contains("listener") == true)
        #expect(problems.last == Self.fullDisk.description)
    }

    @Test("is bad while agents refuse the server's certificate")
    func certificate() async {
        let check = HealthCheck(
            isListening: { true }, certificateProblem: { "the certificate is of tomorrow" }, checkStore: {})
        #expect(await check.problems() == ["the certificate is of tomorrow"])
    }

    @Test("asks the store once, however many ask at the same time")
    func once() async {
        let asked = Atomic<Int>(0)
        let check = HealthCheck(isListening: { true }) {
            asked.add(1, ordering: .relaxed)
            try await Task.sleep(for: .milliseconds(20))
            throw Self.fullDisk
        }
        await withTaskGroup(of: [String].self) { group in
            for _ in 0..<20 { group.addTask { await check.problems() } }
            for await problems in group { #expect(problems == [Self.fullDisk.description]) }
        }
        #expect(await check.problems() == [Self.fullDisk.description])
        #expect(asked.load(ordering: .relaxed) == 1)
    }

    @Test("says that the store doesn't answer, instead of waiting for it")
    func stuck() async {
        let check = HealthCheck(isListening: { true }) { try await Task.sleep(for: .seconds(3600)) }
        #expect(await check.problems().first?.contains("doesn't answer") == true)
    }
}

@Suite("The HTTP port", .serialized, .timeLimit(.minutes(2))) struct MonitoringServerTests {
    private func server(
        port: Int = 0, isListening: Bool = true, onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> MonitoringServer {
        var logger = Logger(label: "test")
        logger.handler = SwiftLogNoOpLogHandler()
        return MonitoringServer(
            port: port, health: HealthCheck(isListening: { isListening }, checkStore: {}),
            metrics: { "# TYPE a gauge\na 1\n" }, logger: logger, onListening: onListening)
    }

    /// Runs a server while the body asks it.
    private func serving(_ isListening: Bool, _ body: (Int) async throws -> Void) async throws {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = server(isListening: isListening) { continuation.yield($0) }
        let group = ServiceGroup(services: [server], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await group.run() }
        for await port in ports {
            try await body(port)
            break
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }

    @Test("answers 200 and ok, the metrics in their format, and 404 for what else is asked")
    func answers() async throws {
        try await serving(true) { port in
            let health = try httpGet(port: port, path: "/healthz")
            #expect(health.status == 200 && health.body == "ok\n")
            let metrics = try httpGet(port: port, path: "/metrics")
            #expect(metrics.status == 200 && metrics.body == "# TYPE a gauge\na 1\n")
            #expect(
                metrics.head.lowercased().contains("content-type: text/plain; version=0.0.4; charset=utf-8"))
            #expect(try httpGet(port: port, path: "/").status == 404)
        }
    }

    @Test("answers HEAD as it does GET, without a body", arguments: ["/healthz", "/metrics"], [true, false])
    func head(path: String, isListening: Bool) async throws {
        try await serving(isListening) { port in
            let get = try httpGet(port: port, path: path)
            let head = try httpGet(port: port, path: path, method: "HEAD")
            #expect(head.status == get.status && head.body.isEmpty)
            // All of its headers but the time, the body's length among them.
            func headers(_ answer: HTTPAnswer) -> [String] {
                answer.head.lowercased().split(separator: "\r\n").map(String.init).filter { !$0.hasPrefix("date:") }
                    .sorted()
            }
            #expect(headers(head) == headers(get))
            #expect(headers(head).contains("content-length: \(get.body.utf8.count)"))
        }
    }

    @Test(
        "answers other methods with 405 and the ones that it takes",
        arguments: ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"])
    func methods(method: String) async throws {
        try await serving(true) { port in
            for path in ["/healthz", "/metrics"] {
                let answer = try httpGet(port: port, path: path, method: method)
                #expect(answer.status == 405, "\(path)")
                #expect(answer.head.lowercased().contains("allow: get, head"), "\(answer.head)")
            }
            #expect(try httpGet(port: port, path: "/", method: method).status == 404)
        }
    }

    @Test("answers 503 and why, if agents can't connect")
    func unavailable() async throws {
        try await serving(false) { port in
            let health = try httpGet(port: port, path: "/healthz")
            #expect(health.status == 503 && health.body.contains("no agent can connect"))
        }
    }

    @Test("that is in use is an error which says what to set")
    func inUse() async throws {
        try await serving(true) { port in
            let error = await #expect(throws: MonitoringError.self) { try await server(port: port).run() }
            #expect(error?.port == port)
            #expect(error.map { "\($0)" }?.contains("in use") == true)
            #expect(error.map { "\($0)" }?.contains("monitoring.port") == true)
        }
    }
}
