internal import CoreMetrics
package import Logging
package import Server
package import ServiceLifecycle
package import Store

/// What an operator sees of a running verifier from outside, put together: health and metrics over HTTP, and the hooks.
package struct Monitor: Sendable {
    /// What the operator may choose.
    package struct Settings: Sendable {
        /// Where health and metrics are served, on loopback; nil for nowhere.
        package var port: Int?
        /// Who is told of changes of tier.
        package var hooks: [any Hook] = []
        /// How patient the hooks' queues are.
        package var queue = HookQueue.Settings()

        /// Nothing is served, nobody is told.
        package init() {}
    }

    /// All that `/metrics` can hold, in its order.
    package static let descriptions =
        ServerMetrics.descriptions + FleetMetrics.descriptions + HookQueue.descriptions + ProcessMetrics.descriptions

    /// What the server is to count with.
    package let metrics: ServerMetrics

    private let registry = MetricRegistry(Monitor.descriptions)
    private let settings: Settings
    private let store: Store
    private let logger: Logger
    private let watch: FleetWatch
    private let queues: [HookQueue]
    private let fleet: FleetMetrics
    private let process: ProcessMetrics

    /// A monitor of the server over a store.
    ///
    /// - Parameters:
    ///   - maximumAge: seconds for which a verdict stands.
    ///   - version: the release that runs.
    ///   - time: seconds since 1970.
    package init(
        _ settings: Settings, store: Store, maximumAge: Int64, version: String, logger: Logger,
        time: @escaping @Sendable () -> Int64
    ) {
        self.settings = settings
        self.store = store
        self.logger = logger
        let registry = registry
        metrics = ServerMetrics(factory: registry)
        let queues = settings.hooks.map { hook in
            HookQueue(hook, settings: settings.queue, logger: logger, registry: registry)
        }
        self.queues = queues
        watch = FleetWatch(store: store, maximumAge: maximumAge, logger: logger, time: time) { change in
            logger.notice("tier changed", metadata: ["change": "\(change.json)"])
            for queue in queues { queue.offer(change) }
        }
        fleet = FleetMetrics(watch, store: store, version: version, registry: registry)
        process = ProcessMetrics(registry: registry, time: time())
    }

    /// A session's verdict is durable.
    package func enter(_ verdict: Verdict, of agent: AgentID) {
        watch.enter(verdict, of: agent)
    }

    /// What is to run beside the server.
    ///
    /// - Parameters:
    ///   - isListening: whether agents can connect.
    ///   - certificateProblem: why agents refuse the server's certificate; nil if they don't.
    ///   - crowdWarnings: what may keep them from connecting, a sentence each.
    ///   - onListening: told the port once health and metrics are served; never, if they aren't.
    package func services(
        isListening: @escaping @Sendable () -> Bool, certificateProblem: @escaping @Sendable () -> String?,
        crowdWarnings: @escaping @Sendable () -> [String] = { [] },
        onListening: @escaping @Sendable (_ port: Int) -> Void
    ) -> [any Service] {
        var services: [any Service] = [watch]
        services += queues
        guard let port = settings.port else { return services }
        let (store, registry, fleet, process) = (store, registry, fleet, process)
        let health = HealthCheck(
            isListening: isListening, certificateProblem: certificateProblem,
            warnings: { [store.roomWarning()].compactMap(\.self) + crowdWarnings() }
        ) {
            try await store.checkWritable()
        }
        services.append(
            MonitoringServer(
                port: port, health: health,
                metrics: {
                    fleet.update()
                    process.update()
                    return PrometheusText.render(registry)
                }, logger: logger, onListening: onListening))
        return services
    }
}
