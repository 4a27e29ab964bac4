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

/// Which agent has which session: one each, the newest that has said Hello; and a few that haven't said it yet, which
/// disturb nobody.
final class SessionRegistry: Sendable {
    /// More connections of one agent don't wait for their Hello.
    private static let maximumSilent = 4

    private struct Held {
        var greeted: OpenSession?
        /// The oldest first.
        var silent: [OpenSession] = []

        var isEmpty: Bool { greeted == nil && silent.isEmpty }
    }

    private let sessions = Mutex<[AgentID: Held]>([:])

    /// Enters a session that waits for its Hello.
    ///
    /// - Returns: one that has waited for longer, and may wait no more.
    func enter(_ session: OpenSession, as id: AgentID) -> OpenSession? {
        sessions.withLock { sessions in
            sessions[id, default: Held()].silent.append(session)
            guard sessions[id, default: Held()].silent.count > Self.maximumSilent else { return nil }
            return sessions[id]?.silent.removeFirst()
        }
    }

    /// Makes a session the agent's.
    ///
    /// - Returns: the one that it takes over from.
    func greet(_ session: OpenSession, as id: AgentID) -> OpenSession? {
        sessions.withLock { sessions in
            var held = sessions[id] ?? Held()
            held.silent.removeAll { $0 === session }
            let older = held.greeted
            held.greeted = session
            sessions[id] = held
            return older
        }
    }

    /// Takes a session out, unless a newer one has taken its place.
    func leave(_ session: OpenSession, as id: AgentID) {
        sessions.withLock { sessions in
            guard var held = sessions[id] else { return }
            held.silent.removeAll { $0 === session }
            if held.greeted === session { held.greeted = nil }
            sessions[id] = held.isEmpty ? nil : held
        }
    }

    /// Every session, as they are now.
    var all: [(id: AgentID, session: OpenSession)] {
        sessions.withLock { sessions in
            sessions.flatMap { id, held in (held.silent + [held.greeted].compactMap(\.self)).map { (id, $0) } }
        }
    }
}
