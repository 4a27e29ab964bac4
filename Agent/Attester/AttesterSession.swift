package import Messages
package import TPM

/// The agent's half of the protocol: a verifier's message or a finished piece of work in, actions out.
///
/// No socket, TPM, file or clock is touched here: the driver carries the actions out, in order, and comes back with
/// `quoted` and `read`. The verifier begins every round, and may begin a new one at any time: what belonged to the old
/// one is dropped.
package struct AttesterSession: Sendable {
    /// What the session is bound to; constant for a connection.
    package struct Binding: Sendable {
        /// The identity in the agent's certificate.
        package let agentID: [UInt8]
        /// The AK's name.
        package let attestationKeyName: [UInt8]
        /// The TLS exporter value (RFC 9266), 32 bytes.
        package let exporter: [UInt8]

        /// Binds quotes to an identity, a key and a channel.
        package init(agentID: [UInt8], attestationKeyName: [UInt8], exporter: [UInt8]) {
            self.agentID = agentID
            self.attestationKeyName = attestationKeyName
            self.exporter = exporter
        }
    }

    /// What the driver is to do.
    package enum Action: Hashable, Sendable {
        /// Send a message.
        case send(AgentMessage)
        /// Quote, then read the log to its end, then call `quoted`.
        case quote(qualifyingData: [UInt8], selection: PCRSelection, firstRecord: UInt64)
        /// Read whole records `first..<end`, at most `maximumBytes` unless one record is larger; then call `read`.
        case readShard(first: UInt64, end: UInt64, maximumBytes: Int)
        /// Tell the operator how far the round is.
        case progress(Progress)
        /// Keep the renewed certificate.
        case certificate(CertificateIssued)
        /// Tell the operator the verdict. The session goes on: the verifier may begin another round.
        case verdict(AttestationResult)
        /// The verifier ended the exchange, or broke the protocol: close, after sending the status if there is one.
        case close(reason: Status, send: Bool)
    }

    /// How far a round is.
    package struct Progress: Hashable, Sendable {
        package let firstRecord: UInt64
        package let recordsSent: UInt64
        package let bytesSent: UInt64
        package let recordsTotal: UInt64
        package let bytesTotal: UInt64
        /// Records and bytes of the shard just sent.
        package let shardRecords: UInt32
        package let shardBytes: Int
        package let moreDataPending: Bool
    }

    /// The log as it stood when it was read after the quote.
    package struct LogExtent: Hashable, Sendable {
        /// The oldest record held; nil if it is a snapshot and its number isn't known.
        package let firstRecord: UInt64?
        /// One more than the last record.
        package let nextRecord: UInt64
        /// Bytes from the first record asked for to `nextRecord`; 0 if that isn't held.
        package let bytes: UInt64

        /// An extent of whole records.
        package init(firstRecord: UInt64?, nextRecord: UInt64, bytes: UInt64) {
            self.firstRecord = firstRecord
            self.nextRecord = nextRecord
            self.bytes = bytes
        }
    }

    private enum State {
        case awaitingChallenge
        case awaitingQuote(Challenge)
        case awaitingRead(Transfer)
        case awaitingCredit(Transfer)
        case awaitingResult(round: UInt64)
        case ended
    }

    private let binding: Binding
    private var state = State.awaitingChallenge
    private var awaitsCertificate = false

    /// Largest shard that this side makes, in bytes, whatever it is asked for: a frame's limit less its other fields.
    package static let maximumShardBytes: UInt32 = (4 << 20) - (4 << 10)

    /// A session that waits for its first Challenge.
    package init(binding: Binding) {
        self.binding = binding
    }

    /// Whether a round is under way.
    package var isIdle: Bool {
        if case .awaitingChallenge = state { true } else { false }
    }

    /// Takes a message from the verifier.
    package mutating func receive(_ message: VerifierMessage) -> [Action] {
        switch (state, message) {
        case (.ended, _): return []
        case (_, .status(let status)):
            state = .ended
            return [.close(reason: status, send: false)]
        case (_, .challenge(let challenge)): return begin(challenge)
        case (_, .certificateIssued(let issued)) where awaitsCertificate:
            awaitsCertificate = false
            return [.certificate(issued)]
        case (.awaitingRead(let transfer), .shardCredit(let credit)):
            state = .awaitingRead(transfer.credited(credit))
            return []
        case (.awaitingCredit(let transfer), .shardCredit(let credit)): return proceed(transfer.credited(credit))
        case (_, .attestationResult(let result)) where result.round == roundUnderWay:
            // Also before all was sent: a quote or a record may settle the round at once.
            state = .awaitingChallenge
            return [.verdict(result)]
        case (_, .shardCredit): return []  // for a round that a new Challenge replaced, or that was sent whole
        case (.awaitingChallenge, _), (.awaitingQuote, _), (.awaitingRead, _), (.awaitingCredit, _),
            (.awaitingResult, _):
            return refuse(message)
        }
    }

    /// Asks for a new certificate; the answer comes whenever the verifier has it. Not twice before an answer.
    package mutating func renew(_ request: RenewRequest) -> [Action] {
        guard !awaitsCertificate else { return [] }
        awaitsCertificate = true
        return [.send(.renewRequest(request))]
    }

    /// The round whose evidence was sent, or whose records aren't held.
    private var roundUnderWay: UInt64? {
        switch state {
        case .awaitingRead(let transfer), .awaitingCredit(let transfer): transfer.round
        case .awaitingResult(let round): round
        case .awaitingChallenge, .awaitingQuote, .ended: nil
        }
    }

    /// The quote was made, and the log read to its end after it.
    package mutating func quoted(_ quote: ReceivedQuote, log: LogExtent) -> [Action] {
        guard case .awaitingQuote(let challenge) = state else { return [] }
        guard let first = log.firstRecord, first <= challenge.firstRecord, challenge.firstRecord <= log.nextRecord
        else {
            // The verifier asks again, or gives its verdict on what is missing.
            state = .awaitingResult(round: challenge.round)
            let held =
                log.firstRecord.map { "records \($0) to \(log.nextRecord) are held" }
                ?? "the log begins with a snapshot_aggregate, and nothing before it is held"
            return [
                .send(
                    .status(
                        Status(
                            .outOfRange, "record \(challenge.firstRecord) was asked for, \(held)",
                            round: challenge.round)))
            ]
        }
        let evidence = Evidence(
            round: challenge.round, attest: quote.attest, signature: quote.signature, pcrValues: quote.pcrValues,
            logEnd: log.nextRecord, logBytes: log.bytes)
        let transfer = Transfer(challenge, end: log.nextRecord, bytes: log.bytes)
        return [.send(.evidence(evidence))] + proceed(transfer)
    }

    /// The log uses PCRs, or has a format, that the last Hello did not say: the verifier must ask for other PCRs, so it
    /// hears that instead of evidence.
    package mutating func restated(_ hello: Hello) -> [Action] {
        guard case .awaitingQuote = state else { return [] }
        state = .awaitingChallenge
        return [.send(.hello(hello))]
    }

    /// A shard was read: `count` whole records from `first` on.
    package mutating func read(_ records: [UInt8], count: UInt32, first: UInt64) -> [Action] {
        guard case .awaitingRead(var transfer) = state, transfer.next == first else { return [] }
        let shard = transfer.take(records, count: count)
        // A round with nothing to send is a shard to the verifier, and nothing to an operator.
        let told: [Action] = count > 0 ? [.progress(transfer.progress(of: shard))] : []
        let actions = [.send(.logShard(shard))] + told
        guard shard.moreDataPending else {
            state = .awaitingResult(round: shard.round)
            return actions
        }
        return actions + proceed(transfer)
    }

    private mutating func begin(_ challenge: Challenge) -> [Action] {
        guard challenge.nonce.count == 32, !challenge.selection.banks.isEmpty, challenge.window > 0 else {
            return refuse(.challenge(challenge))
        }
        state = .awaitingQuote(challenge)
        let data = QuoteBinding.qualifyingData(
            nonce: challenge.nonce, agentID: binding.agentID, attestationKeyName: binding.attestationKeyName,
            exporter: binding.exporter)
        return [
            .quote(qualifyingData: data, selection: challenge.selection, firstRecord: challenge.firstRecord)
        ]
    }

    private mutating func proceed(_ transfer: Transfer) -> [Action] {
        guard transfer.maySend else {
            state = .awaitingCredit(transfer)
            return []
        }
        state = .awaitingRead(transfer)
        guard transfer.next < transfer.end else { return read([], count: 0, first: transfer.next) }
        return [.readShard(first: transfer.next, end: transfer.end, maximumBytes: transfer.shardBytes)]
    }

    private mutating func refuse(_ message: VerifierMessage) -> [Action] {
        state = .ended
        let status = Status(.invalidArgument, "\(message.kind) was not expected here; the verifier must begin a round")
        return [.close(reason: status, send: true)]
    }
}
