/// What a side is waiting for, and of which round: said when something else comes.
package struct Expectation: Hashable, Sendable, CustomStringConvertible {
    /// The message's name, or why there is none.
    package let kind: String
    /// The round that it must belong to; nil for a message that belongs to none.
    package let round: UInt64?

    /// A message by its name in assay.proto, of a round if it belongs to one.
    package init(_ kind: String, round: UInt64? = nil) {
        self.kind = kind
        self.round = round
    }

    /// Refuses a message that came instead.
    package func refusal(of message: AgentMessage) -> Status {
        refusal(of: Expectation(message.kind, round: message.round))
    }

    /// Refuses a message that came instead.
    package func refusal(of message: VerifierMessage) -> Status {
        refusal(of: Expectation(message.kind, round: message.round))
    }

    private func refusal(of found: Expectation) -> Status {
        Status(.invalidArgument, "\(found) came, \(self) was awaited", round: round ?? found.round ?? 0)
    }

    package var description: String { kind + (round.map { " of round \($0)" } ?? "") }
}
