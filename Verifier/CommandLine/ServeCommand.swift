import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Enrolment
import Glibc
import Logging
import Monitoring
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

    @Flag(help: "Say where it listens as one JSON object on one line; with --check, one for each setting.")
    var json = false

    func run() async throws {
        let settings = try options.settings()
        if check { try show(settings) }
        let logger: Logger
        let configuration: VerifierConfiguration
        let identity: ServerIdentity
        let issuer: Issuer?
        let invitationKey: InvitationKey?
        do {
            logger = logging.logger("assay-verifier", configured: try settings.value(of: VerifierSettings.level))
            configuration = try VerifierConfiguration(settings, storePath: try options.storePath(settings))
            issuer = try configuration.authority?.issuer()
            invitationKey = try configuration.authority?.invitationKey()
            if check {
                _ = try TLSContext.server(
                    credentials: configuration.credentials, trustRootsFile: configuration.trustFile)
                for exposed in configuration.exposedKeys { Output.notice("warning: \(exposed)") }
                try checkCertificate(configuration, issuer)
                if !json { Output.line("the configuration can be used") }
                return
            }
            identity = try ServerIdentity(
                credentials: configuration.credentials, trustFile: configuration.trustFile, issuer: issuer,
                naming: try settings.value(of: VerifierSettings.joinAddress)?.host, at: currentTime())
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.usage(error)
        }
        logger.info(
            MLDSA.available.isEmpty
                ? "no signature of ML-DSA can be verified (\(MLDSA.requirement)): it is unsupported_key"
                : "OpenSSL \(Libcrypto.version) verifies signatures of \(MLDSA.available)")
        for exposed in configuration.exposedKeys { logger.warning("\(exposed)") }
        let registration = issuer.flatMap { issuer in invitationKey.map { (issuer, $0) } }
        try await reported { try await serve(configuration, identity, registration, logger) }
    }

    /// - Throws: a failure if agents would refuse the server's certificate, and the server wouldn't mend that when it starts.
    private func checkCertificate(_ configuration: VerifierConfiguration, _ issuer: Issuer?) throws {
        let file = configuration.credentials.certificateChainFile
        let certificates = try Issuer.certificates(in: file)
        guard let problem = ServerIdentity.problem(with: certificates, of: file, issuer, at: currentTime()) else {
            return
        }
        // Its own authority's certificates behind it aren't issued anew.
        let isMended =
            issuer != nil
            && ServerIdentity.problem(with: Array(certificates.dropFirst()), of: file, nil, at: currentTime()) == nil
        guard isMended else { throw CommandFailure(.usage, problem) }
        if !json { Output.line("tls.certificate is not valid now; `serve` issues it anew when it starts") }
    }

    private func show(_ settings: Settings) throws {
        if json { return try settings.effective.forEach { Output.line(try jsonLine($0)) } }
        var table = Table(["SETTING", "VALUE", "FROM"])
        for line in settings.effective { table.append([line.setting, escaped(line.value.utf8), line.from]) }
        Output.table(table)
    }

    private func serve(
        _ configuration: VerifierConfiguration, _ identity: ServerIdentity,
        _ registration: (issuer: Issuer, invitationKey: InvitationKey)?, _ logger: Logger
    ) async throws {
        // Where files may not grow (RLIMIT_FSIZE), a write is to fail like one on a full disk, not to end the server.
        signal(SIGXFSZ, SIG_IGN)
        let storage = configuration.storage
        let store = try Store(
            path: configuration.storePath, mode: .existing, size: storage.size, history: storage.history)
        let claim = try store.claimServer()
        defer { withExtendedLifetime(claim) { store.close() } }
        var session = configuration.session
        session.identityMode = try store.identityMode()
        let registrar = registration.map {
            Registrar(store: store, issuer: $0.issuer, invitationKey: $0.invitationKey)
        }
        let monitor = Monitor(
            configuration.monitoring, store: store, maximumAge: configuration.maximumAge, version: softwareVersion,
            logger: logger, time: currentTime)
        let services = SessionServices(
            store: store, settings: session, registrar: registrar, time: currentTime, metrics: monitor.metrics,
            onVerdict: { monitor.enter($1, of: $0) })
        let server = try await listen(configuration, identity, services, logger)
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        if configuration.monitoring.port == nil { port.finish() }
        let served = ServedVerifier(
            server: server, host: configuration.host, monitoringPorts: ports, isJSON: json)
        let upkeep = StoreUpkeep(store: store, forgetAfter: storage.forgetAfter, logger: logger, time: currentTime)
        let group = ServiceGroup(
            services: monitor.services(
                isListening: { server.isListening }, certificateProblem: { identity.problem(at: currentTime()) },
                crowdWarnings: { server.crowdWarnings },
                onListening: { port.yield($0) })
                + [served, upkeep, CertificateService(identity: identity, logger: logger)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await group.run()
    }

    private func listen(
        _ configuration: VerifierConfiguration, _ identity: ServerIdentity, _ services: SessionServices,
        _ logger: Logger
    ) async throws(CommandFailure) -> VerifierServer {
        do {
            return try await VerifierServer(
                host: configuration.host.description, port: configuration.port, context: { identity.context },
                group: MultiThreadedEventLoopGroup.singleton, services: services, logger: logger)
        } catch {
            throw CommandFailure(
                .unavailable,
                "agents can't be awaited on \(configuration.host.withPort(configuration.port)): \(error); set listen.host and "
                    + "listen.port to an address of this host and a free port")
        }
    }
}

/// The server's certificate, as the service group keeps it fresh.
private struct CertificateService: Service, CustomStringConvertible {
    let identity: ServerIdentity
    let logger: Logger
    let description = "certificate"

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await identity.keepFresh(every: .seconds(60), time: currentTime, logger: logger)
        }
    }
}
