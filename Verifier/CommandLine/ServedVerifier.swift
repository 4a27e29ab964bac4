import Bytes
import Server
import ServiceLifecycle
import Terminal

/// The server, as the service group runs it: says where it listens once all of it does, and serves.
struct ServedVerifier: Service, CustomStringConvertible {
    let server: VerifierServer
    let host: HostName
    /// Gives the port of health and metrics once they are served; nothing if they aren't.
    let monitoringPorts: AsyncStream<Int>
    let isJSON: Bool
    /// What a log calls it.
    let description = "agents"

    private struct Addresses: Encodable {
        let host: String
        let port: Int
        let monitoringPort: Int?
    }

    func run() async throws {
        let monitoringPort = await cancelWhenGracefulShutdown {
            for await port in monitoringPorts { return port as Int? }
            return nil
        }
        // Health and metrics could not be served, or the end came first.
        if Task.isCancelled || Task.isShuttingDownGracefully { return }
        if isJSON {
            Output.line(
                try jsonLine(Addresses(host: host.description, port: server.port, monitoringPort: monitoringPort)))
        } else {
            if let monitoringPort { Output.line("health and metrics at http://127.0.0.1:\(monitoringPort)") }
            Output.line("listening on \(host.withPort(server.port))")
        }
        await server.run()
    }
}
