import Messages
import Store
import Synchronization
import Transport

/// An agent's session as others see it: its connection, a bell, its end.
final class OpenSession: Sendable {
    let connection: VerifierConnection
    /// Rings when a round is due before its time.
    let alarm = Alarm()
    private let (ended, ending) = AsyncStream.makeStream(of: Never.self)
    private let isDismissed = Atomic<Bool>(false)

    init(_ connection: VerifierConnection) {
        self.connection = connection
    }

    /// Ends it from outside: tells the agent why, and closes.
    func dismiss(_ status: Status) async {
        isDismissed.store(true, ordering: .relaxed)
        await connection.close(sending: .status(status))
    }

    /// Whether it was ended from outside: that its connection is closed then is no failure.
    var wasDismissed: Bool { isDismissed.load(ordering: .relaxed) }

    /// It has ended, and kept what was to be kept.
    func end() { ending.finish() }

    /// Waits for its end. Only for the one that takes over.
    func waitForEnd() async {
        for await _ in ended {}
    }
}

/// Which agent has which session: one each, the newest.
final class SessionRegistry: Sendable {
    private let sessions = Mutex<[AgentID: OpenSession]>([:])

    /// Enters a session.
    ///
    /// - Returns: the one that it takes over from.
    func enter(_ session: OpenSession, as id: AgentID) -> OpenSession? {
        sessions.withLock { $0.updateValue(session, forKey: id) }
    }

    /// Takes a session out, unless a newer one has taken its place.
    func leave(_ session: OpenSession, as id: AgentID) {
        sessions.withLock { held in
            if held[id] === session { held[id] = nil }
        }
    }

    /// Every agent's session, as they are now.
    var all: [AgentID: OpenSession] { sessions.withLock { $0 } }
}
