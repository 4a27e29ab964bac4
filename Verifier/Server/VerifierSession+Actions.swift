package import Appraisal
package import Messages
package import Store

extension VerifierSession {
    /// What the driver is to do.
    package enum Action: Sendable {
        /// Send a message.
        case send(VerifierMessage)
        /// This connection is the agent's from now on: end the one that was so far, once it has kept what is to be kept.
        case takeOver
        /// Tell the agent how it stands, and close.
        case tellStanding
        /// Read the agent's basis from the store, then call `loaded` with a fresh nonce.
        case load
        /// Verify, off the event loops, then call `verified`.
        case verify(SignatureBatch)
        /// Keep where the round stands, when it is worth a write; nothing waits for it.
        case remember(Scratch)
        /// Drop what is kept of a broken transfer; where it led astray, for the history.
        case forgetScratch(ledAstrayAt: UInt64?)
        /// Commit, then call `committed`.
        case commit(RoundOutcome)
        /// Renew the agent's certificate and send it; the session goes on as it was.
        case renew(RenewRequest)
        /// The agent's next message must come within so many seconds; what it is, for the error.
        case expect(String, seconds: Int)
        /// No message is due: begin the next round, by `roundDue`, after so many seconds.
        case wait(seconds: Int)
        /// Tell the log.
        case note(Note)
        /// Send the status if the agent can use it, and close.
        case close(Status, send: Bool)
    }

    /// What an operator may want to read in the log.
    package enum Note: Sendable {
        case challenged(round: UInt64, firstRecord: UInt64, from: Origin)
        case quoted(round: UInt64, resetCount: UInt32, logEnd: UInt64)
        case shard(round: UInt64, records: UInt32, bytes: Int, nextRecord: UInt64, remaining: UInt64)
        case newEpoch(resetCount: UInt32)
        case retryFromRecordZero(String)
        case retryWithoutScratch(String)
        case conflict

        /// Where a round begins.
        package enum Origin: String, Sendable {
            case recordZero = "record_0"
            case lastCommit = "last_commit"
            case position = "position"
            case brokenTransfer = "broken_transfer"
            case end = "end"
        }
    }
}

extension RoundPlan.Start {
    /// Where it is, for the log.
    var origin: VerifierSession.Note.Origin {
        switch self {
        case .recordZero: .recordZero
        case .lastCommit: .lastCommit
        case .position: .position
        case .scratch: .brokenTransfer
        case .end: .end
        }
    }
}
