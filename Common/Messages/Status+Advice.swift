extension Status {
    /// What a Status asks of an agent that receives it; Docs/protocol.md has the table.
    package enum Advice: Hashable, Sendable, CaseIterable {
        /// Come back by itself: nothing needs to be changed.
        case comeBack
        /// Somebody must change something on this host or on the verifier first; coming back alone doesn't help.
        case askOperator
        /// The contract was broken: one of the two programs must be another release.
        case install

        /// What the host's operator can do.
        package var remedy: String {
            switch self {
            case .comeBack: "assay-agent run tries again by itself; if it lasts, see the verifier's log for this agent"
            case .askOperator:
                "do what the verifier says, or ask its operator: its log has the same words for this agent"
            case .install: "install the same release on host and verifier"
            }
        }
    }

    /// What the status asks of an agent.
    package var advice: Advice {
        switch code {
        case .ok, .cancelled, .unknown, .deadlineExceeded, .resourceExhausted, .aborted, .internalError, .unavailable,
            .dataLoss:
            .comeBack
        case .notFound, .alreadyExists, .permissionDenied, .failedPrecondition, .outOfRange, .unauthenticated:
            .askOperator
        case .invalidArgument, .unimplemented: .install
        }
    }
}
