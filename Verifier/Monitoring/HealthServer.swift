internal import CoreMetrics
internal import Hummingbird
package import Logging
internal import ServiceLifecycle

/// Serves `/healthz` and `/metrics` on a loopback HTTP port.
package struct HealthServer: Service {
    private let port: Int
    private let logger: Logger

    package init(port: Int, logger: Logger) {
        self.port = port
        self.logger = logger
    }

    package func run() async throws {
        let router = Router()
        router.get("/healthz") { _, _ in "ok\n" }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
        try await application.runService()
    }
}
