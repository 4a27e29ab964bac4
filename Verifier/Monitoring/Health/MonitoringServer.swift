internal import Glibc
internal import Hummingbird
package import Logging
internal import NIOCore
internal import ServiceLifecycle

/// Serves `/healthz` and `/metrics` over HTTP, on loopback alone: who may read them is the host's to decide.
package struct MonitoringServer: Service, CustomStringConvertible {
    /// What a log calls it.
    package let description = "monitoring"
    private let port: Int
    private let health: HealthCheck
    private let metrics: @Sendable () async -> String
    private let onListening: @Sendable (_ port: Int) -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - port: 0 lets the system choose.
    ///   - metrics: the text for Prometheus.
    ///   - onListening: told the port once requests are answered.
    package init(
        port: Int, health: HealthCheck, metrics: @escaping @Sendable () async -> String, logger: Logger,
        onListening: @escaping @Sendable (_ port: Int) -> Void
    ) {
        self.port = port
        self.health = health
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until a graceful shutdown.
    ///
    /// - Throws: `MonitoringError` if the port can't be had.
    package func run() async throws {
        let (health, metrics) = (health, metrics)
        let responder = CallbackResponder<BasicRequestContext> { request, _ in
            let answer: @Sendable () async -> Response
            switch request.uri.path {
            case "/healthz": answer = { Self.answer(await health.problems(), warnings: health.nextProblems()) }
            case "/metrics": answer = { Self.answer(await metrics()) }
            default: return Response(status: .notFound)
            }
            switch request.method {
            case .get: return await answer()
            case .head: return await answer().createHeadResponse()
            default: return Response(status: .methodNotAllowed, headers: [.allow: "GET, HEAD"])
            }
        }
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        let onListening = onListening
        let application = Application(
            responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { onListening($0.localAddress?.port ?? 0) }, logger: quiet)
        do {
            try await application.run()
        } catch let error as IOError {
            throw MonitoringError(port: port, problem: String(cString: strerror(error.errnoCode)))
        }
    }

    private static func answer(_ metrics: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: PrometheusText.contentType],
            body: .init(byteBuffer: ByteBuffer(string: metrics)))
    }

    private static func answer(_ problems: [String], warnings: [String]) -> Response {
        let lines = (problems.isEmpty ? ["ok"] : problems) + warnings.map { "warning: " + $0 }
        return Response(
            status: problems.isEmpty ? .ok : .serviceUnavailable,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: lines.joined(separator: "\n") + "\n")))
    }
}

/// Why health and metrics can't be served.
package struct MonitoringError: Error, Hashable, CustomStringConvertible {
    /// The port asked for.
    package let port: Int
    /// In the system's words.
    package let problem: String

    package var description: String {
        "health and metrics can't be served on 127.0.0.1:\(port): \(problem); set monitoring.port to a free port, or "
            + "monitoring.enabled to false"
    }
}
