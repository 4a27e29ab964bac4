import Appraisal
import ArgumentParser
import Bytes
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
    @OptionGroup var logging: LoggingOptions

    @Flag(help: "Check the configuration and say what is in effect; exit 0, or 2 if it can't be used.")
    var check = false

    func run() async throws {
        let settings = try options.settings()
        if check { show(settings) }
        let logger: Logger
        let configuration: VerifierConfiguration
        let context: TLSContext
        do {
            logger = logging.logger("assay-verifier", configured: try settings.value(of: VerifierSettings.level))
            configuration = try VerifierConfiguration(settings, storePath: try options.storePath(settings))
            context = try TLSContext.server(
                credentials: configuration.credentials, trustRootsFile: configuration.trustFile)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.usage(error)
        }
        guard !check else { return Output.line("the configuration can be used") }
        try await reported { try await serve(configuration, context, logger) }
    }

    private func show(_ settings: Settings) {
        var table = Table(["SETTING", "VALUE", "FROM"])
        for (key, value, origin) in settings.effective { table.append([key, escaped(value.utf8), origin]) }
        table.lines.forEach { Output.line($0) }
    }

    private func serve(_ configuration: VerifierConfiguration, _ context: TLSContext, _ logger: Logger) async throws {
        let store = try Store(path: configuration.storePath)
        let claim = try store.claimServer()
        defer { withExtendedLifetime(claim) { store.close() } }
        var session = configuration.session
        session.verifiedSignatures = VerifiedSignatures()
        let server = try await VerifierServer(
            host: configuration.host, port: configuration.port, context: context,
            group: MultiThreadedEventLoopGroup.singleton,
            services: SessionServices(store: store, settings: session, time: currentTime), logger: logger)
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
