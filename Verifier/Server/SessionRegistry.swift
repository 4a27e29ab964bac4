import Store
import Synchronization
import Transport

/// Which agent has which connection: one each, the newest.
final class SessionRegistry: Sendable {
    private let connections = Mutex<[AgentID: VerifierConnection]>([:])

    /// Enters a connection.
    ///
    /// - Returns: the one that it takes over from.
    func enter(_ connection: VerifierConnection, as id: AgentID) -> VerifierConnection? {
        connections.withLock { $0.updateValue(connection, forKey: id) }
    }

    /// Takes a connection out, unless a newer one has taken its place.
    func leave(_ connection: VerifierConnection, as id: AgentID) {
        connections.withLock { held in
            if held[id] === connection { held[id] = nil }
        }
    }

    /// Every agent's connection, as they are now.
    var all: [AgentID: VerifierConnection] { connections.withLock { $0 } }

    /// Breaks every connection: agents come back by themselves.
    func closeAll() {
        let open = connections.withLock { Array($0.values) }
        for connection in open { connection.abort() }
    }
}
