import Appraisal
import ArgumentParser
import Logging
import NIOPosix
import Server
import ServiceLifecycle
import Settings
import Store
import Terminal
import Transport
import UnixSignals

/// Serves agents.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Accept agents, challenge them, appraise what they send and keep the verdicts.",
        discussion: """
            Prints "listening on HOST:PORT" when it is ready. SIGTERM and SIGINT end it; no acknowledged verdict is lost.
            """)

    @OptionGroup var options: StoreOptions

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel = "info"

    func run() async throws {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw CommandFailure(.usage, "--log-level is \"\(logLevel)\"; see --help for the levels")
        }
        var logger = Logger(label: "assay-verifier") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        let settings = try await options.settings()
        let configuration: VerifierConfiguration
        let context: TLSContext
        do {
            configuration = try VerifierConfiguration(settings, storePath: try options.storePath(settings))
            context = try TLSContext.server(
                credentials: configuration.credentials, trustRootsFile: configuration.trustFile)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.usage(error)
        }
        try await reported { try await serve(configuration, context, logger) }
    }

    private func serve(_ configuration: VerifierConfiguration, _ context: TLSContext, _ logger: Logger) async throws {
        let store = try Store(path: configuration.storePath)
        let claim = try store.claimServer()
        defer { withExtendedLifetime(claim) { store.close() } }
        let server = try await VerifierServer(
            host: configuration.host, port: configuration.port, context: context,
            group: MultiThreadedEventLoopGroup.singleton,
            services: SessionServices(store: store, settings: configuration.session, time: currentTime), logger: logger)
        Output.line("listening on \(configuration.host):\(server.port)")
        let group = ServiceGroup(
            services: [ServedService(server: server)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await group.run()
    }
}

/// The server, as the service group runs it.
private struct ServedService: Service {
    let server: VerifierServer

    func run() async throws {
        await server.run()
    }
}
