import Bytes
import Messages
import TPM

// What a session ends with when it is the agent that can't be gone on with.
extension Status {
    static let otherAttestationKey = Status(
        .failedPrecondition,
        "the agent's attestation key is not the enrolled one; if its TPM was replaced, remove the agent and enrol it again"
    )

    static let noRoundEnded = Status(.aborted, "no round came to an end in \(Attempt.maximumChallenges) tries")

    /// What is stored of an agent can't be read or used.
    static func unusableRecord(retryAfterSeconds seconds: Int) -> Status {
        Status(
            .unavailable, "the verifier can't judge this agent; its log says why", retryAfterSeconds: UInt32(seconds))
    }

    static func certificateExpired(of agentID: [UInt8]) -> Status {
        Status(
            .unauthenticated,
            "the certificate that this connection was made with has expired; if it was renewed meanwhile, connect again; if "
                + "not, have the host invited again (on the verifier: assay-verifier invite --id \(shellQuoted(agentID))), "
                + "or renew it where your PKI does")
    }

    static func otherVersion(_ version: UInt32) -> Status {
        Status(
            .failedPrecondition,
            "the agent speaks version \(version), this verifier \(protocolVersion); install the same release")
    }

    static let otherAgent = Status(
        .permissionDenied,
        "Hello names another agent than the connection's certificate; an agent's id is the one in its certificate, so give "
            + "the agent that certificate (tls.certificate) or have it join again")

    static func badQuote(_ error: QuoteError, round: UInt64) -> Status {
        Status(.unauthenticated, "the quote is refused: \(error); \(error.remedy)", round: round)
    }

    static func logOutOfRange(_ evidence: Evidence, of round: Round, maximumBytes: UInt64) -> Status {
        let range = "records \(round.plan.firstRecord) to \(evidence.logEnd), \(evidence.logBytes) bytes"
        return Status(
            .outOfRange, "Evidence announces \(range); this boot's log may have \(maximumBytes) bytes",
            round: round.number)
    }

    /// Of records that Hello, or a Status, has said are there.
    static func heldAndNotHeld(round: UInt64) -> Status {
        Status(
            .failedPrecondition,
            "the agent says that it doesn't hold the records that it said it holds: restart it", round: round)
    }
}
