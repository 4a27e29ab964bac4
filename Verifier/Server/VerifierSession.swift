package import Appraisal
package import AssayCrypto
import Bytes
package import Messages
import Store
import TPM

/// The verifier's half of the protocol: an agent's message or a finished piece of work in, actions out.
///
/// No socket, store or clock is touched here: the driver carries the actions out, in order, and comes back with `loaded`
/// and `committed`. Nothing is believed before the quote has verified, and nothing counts before the log has led to the
/// quoted PCRs and the store has it: what is remembered of a transfer until then is only where to go on.
package struct VerifierSession: ~Copyable {
    private enum State: ~Copyable {
        case awaitingHello
        case awaitingBasis(Hello, Attempt)
        case awaitingEvidence(Round)
        case awaitingShard(Exchange)
        case awaitingSignatures(Exchange)
        case awaitingCommit(Round, RoundOutcome)
        case awaitingNextRound(Hello)
        case ended
    }

    private let agentID: [UInt8]
    private let exporter: [UInt8]
    private let certificate: Digest?
    private let certificateEnd: Int64?
    private let settings: SessionSettings
    private var state = State.awaitingHello
    private var roundNumber: UInt64 = 0
    /// Shards of rounds up to this one may still arrive: they were sent before the agent heard that it is over.
    private var abandonedRound: UInt64 = 0
    /// How many of those may: a window for each round.
    private var lateShards: UInt64 = 0
    /// A certificate costs a signature and a commit: one a round.
    private var hasRenewed = false

    /// A session that waits for Hello.
    ///
    /// - Parameters:
    ///   - agentID: the identity in the peer's certificate.
    ///   - exporter: the TLS exporter value (RFC 9266), 32 bytes.
    ///   - certificate: SHA-256 of the peer's; a broken transfer is only gone on with under the same.
    ///   - certificateEnd: the last second of its validity, in seconds since 1970: no verdict is given later. TLS has looked
    ///     at it when the connection was made, and doesn't look again.
    package init(
        agentID: [UInt8], exporter: [UInt8], certificate: Digest?, certificateEnd: Int64?, settings: SessionSettings
    ) {
        self.agentID = agentID
        self.exporter = exporter
        self.certificate = certificate
        self.certificateEnd = certificateEnd
        self.settings = settings
    }

    /// The first thing to do on a connection.
    package func begin() -> [Action] { [.expect("Hello", seconds: settings.evidenceSeconds)] }

    /// Takes a message from the agent.
    ///
    /// - Parameter time: seconds since 1970.
    package mutating func receive(_ message: AgentMessage, time: Int64) -> [Action] {
        if case .status(let status) = message, !isQuestion(status) { return ended(by: status) }
        if let expired = endIfExpired(at: time) { return expired }
        if case .renewRequest(let request) = message, !hasRenewed, isGreeted {
            hasRenewed = true
            return [.renew(request)] + deadline
        }
        if case .logShard(let shard) = message, shard.round > 0, shard.round <= abandonedRound, lateShards > 0 {
            lateShards -= 1
            return deadline
        }
        switch takeState() {
        case .awaitingHello:
            if case .status = message { return [.tellStanding] }
            guard case .hello(let hello) = message else { return refuse(message, awaiting: Expectation("Hello")) }
            let actions = greet(hello, Attempt())
            return isGreeted ? [.takeOver] + actions : actions
        case .awaitingEvidence(let round):
            if case .hello(let hello) = message, hello.saysMore(than: round.hello) {
                return greet(hello, round.attempt)
            }
            guard case .evidence(let evidence) = message, evidence.round == round.number else {
                return refuse(message, awaiting: Expectation("Evidence", round: round.number))
            }
            return check(evidence, of: round, time: time)
        case .awaitingShard(let exchange):
            guard case .logShard(let shard) = message, shard.round == exchange.round.number else {
                return refuse(message, awaiting: Expectation("LogShard", round: exchange.round.number))
            }
            return take(shard, exchange, time: time)
        case .awaitingBasis: return refuse(message, awaiting: Expectation("no message before a Challenge"))
        case .awaitingNextRound: return refuse(message, awaiting: Expectation("no message before a Challenge"))
        case .awaitingSignatures(let exchange):
            return refuse(message, awaiting: Expectation("no message", round: exchange.round.number))
        case .awaitingCommit(let round, _):
            return refuse(message, awaiting: Expectation("no message", round: round.number))
        case .ended: return []
        }
    }

    /// The store was read: the round can begin.
    ///
    /// - Parameters:
    ///   - nonce: 32 fresh random bytes.
    ///   - time: seconds since 1970.
    package mutating func loaded(_ basis: RoundBasis, nonce: [UInt8], time: Int64) -> [Action] {
        if let expired = endIfExpired(at: time) { return expired }
        let taken = takeState()
        guard case .awaitingBasis(let hello, var attempt) = taken else { return [] }
        guard hello.attestationKeyName == basis.attestationKey.name else { return refuse(.otherAttestationKey) }
        attempt.challenges += 1
        guard attempt.challenges <= Attempt.maximumChallenges else { return refuse(.noRoundEnded) }
        do throws(Status) {
            let plan = try RoundPlan(hello, basis, settings, attempt, certificate: certificate, time: time)
            roundNumber += 1
            let round = Round(
                number: roundNumber, nonce: nonce, challengedAt: time, hello: hello, attempt: attempt, plan: plan)
            state = .awaitingEvidence(round)
            // What is kept of a transfer and isn't gone on from would only pass for one that is under way.
            let forgotten: [Action] =
                basis.scratch != nil && plan.scratch == nil ? [.forgetScratch(ledAstrayAt: nil)] : []
            return forgotten + [
                .note(.challenged(round: roundNumber, firstRecord: plan.firstRecord, from: plan.start.origin)),
                .expect("Evidence", seconds: settings.evidenceSeconds),
                .send(.challenge(round.challenge)),
            ]
        } catch {
            return refuse(error)
        }
    }

    /// A shard's signatures are verified: its appraisal can go on.
    ///
    /// - Parameter time: seconds since 1970.
    package mutating func verified(_ results: SignatureResults, time: Int64) -> [Action] {
        if let expired = endIfExpired(at: time) { return expired }
        let taken = takeState()
        guard case .awaitingSignatures(var exchange) = taken else { return [] }
        exchange.settle(results)
        return goOn(exchange, time: time)
    }

    /// The outcome is durable; or the policy, the keys denied or the enrolment changed meanwhile, and nothing was kept.
    package mutating func committed(_ isCommitted: Bool) -> [Action] {
        let taken = takeState()
        guard case .awaitingCommit(let round, let outcome) = taken else { return [] }
        guard isCommitted else {
            state = .awaitingBasis(round.hello, Attempt(challenges: round.attempt.challenges))
            return [.note(.conflict), .load]
        }
        state = .awaitingNextRound(round.hello)
        let result = AttestationResult(outcome, settings)
        return [.send(.attestationResult(result)), .wait(seconds: settings.roundSeconds)]
    }

    /// The time for the next round has come.
    package mutating func roundDue() -> [Action] {
        switch takeState() {
        case .awaitingNextRound(let hello):
            hasRenewed = false
            state = .awaitingBasis(hello, Attempt())
            return [.load]
        case let other:
            state = other
            return []
        }
    }

    /// Whether the agent has said Hello, and the session goes on.
    private var isGreeted: Bool {
        switch state {
        case .awaitingHello: false
        case .ended: false
        default: true
        }
    }

    /// Whether a status asks how the agent stands: OK, in the place of Hello. Any other ends the exchange.
    private func isQuestion(_ status: Status) -> Bool {
        switch state {
        case .awaitingHello: status.code == .ok
        default: false
        }
    }

    /// The demand on the agent once more: any message meets it, also a late one.
    private var deadline: [Action] {
        switch state {
        case .awaitingHello: begin()
        case .awaitingEvidence: [.expect("Evidence", seconds: settings.evidenceSeconds)]
        case .awaitingShard: [.expect("LogShard", seconds: settings.shardSeconds)]
        default: []
        }
    }

    /// Ends the session if the certificate that it was made with has expired; nil if it goes on, or is over already.
    private mutating func endIfExpired(at time: Int64) -> [Action]? {
        guard let certificateEnd, time > certificateEnd else { return nil }
        if case .ended = takeState() { return nil }
        return refuse(.certificateExpired(of: agentID))
    }

    /// The round is over for us; what the agent has already sent of it may still arrive.
    private mutating func abandon(_ round: Round) {
        abandonedRound = round.number
        lateShards += UInt64(settings.window)
    }

    /// Leaves `ended` behind, which stands unless a transition puts another state.
    private mutating func takeState() -> State {
        var taken = State.ended
        swap(&taken, &state)
        return taken
    }
}

// MARK: - Transitions

extension VerifierSession {
    private mutating func greet(_ hello: Hello, _ attempt: Attempt) -> [Action] {
        guard hello.protocolVersion == protocolVersion else { return refuse(.otherVersion(hello.protocolVersion)) }
        guard hello.agentID == agentID else { return refuse(.otherAgent) }
        state = .awaitingBasis(hello, attempt)
        return [.load]
    }

    private mutating func check(_ evidence: Evidence, of round: Round, time: Int64) -> [Action] {
        let plan = round.plan
        do throws(QuoteError) {
            let received = ReceivedQuote(
                attest: evidence.attest, signature: evidence.signature, pcrValues: evidence.pcrValues)
            let data = QuoteBinding.qualifyingData(
                nonce: round.nonce, agentID: agentID, attestationKeyName: plan.basis.attestationKey.name,
                exporter: exporter)
            let quote = try plan.basis.attestationKey.verify(
                received, qualifyingData: data, selection: plan.selection, allowsSHA1Signature: false)
            return accept(evidence, quote, of: round, time: time)
        } catch {
            return refuse(.badQuote(error, round: round.number))
        }
    }

    private mutating func accept(
        _ evidence: Evidence, _ quote: VerifiedQuote, of round: Round, time: Int64
    ) -> [Action] {
        let quoted = Action.note(
            .quoted(round: round.number, resetCount: quote.clockInfo.resetCount, logEnd: evidence.logEnd))
        do throws(QuoteError) {
            if try round.plan.isOfNewEpoch(quote.clockInfo) {
                return [quoted, .note(.newEpoch(resetCount: quote.clockInfo.resetCount))] + fromRecordZero(round)
            }
        } catch {
            return [quoted] + commit(RoundOutcome(round, quote, failed: Finding(error)), of: round)
        }
        if let words = round.attempt.wordsOnMissing {
            // Of a boot that isn't the stored one, the first record is what is missing.
            let missed = round.lastCommit(ofBootIn: quote) == nil ? 0 : round.attempt.missedRecord ?? 0
            return [quoted] + commit(RoundOutcome(round, quote, missing: missed, found: words), of: round)
        }
        if let missed = round.attempt.missedRecord, evidence.logEnd < missed,
            round.plan.isUninterrupted(quote.clockInfo)
        {
            // It is still the epoch of which more records were seen, and its PCRs were not reset.
            let held = "the log ends at record \(evidence.logEnd)"
            return [quoted] + commit(RoundOutcome(round, quote, missing: missed, found: held), of: round)
        }
        let (end, overflow) = round.plan.state.logBytes.addingReportingOverflow(evidence.logBytes)
        guard evidence.logEnd >= round.plan.firstRecord, !overflow, end <= settings.maximumLogBytes else {
            return refuse(.logOutOfRange(evidence, of: round, maximumBytes: settings.maximumLogBytes))
        }
        state = .awaitingShard(Exchange(round, quote: quote, evidence: evidence, settings: settings, time: time))
        return [quoted, .expect("LogShard", seconds: settings.shardSeconds)]
    }

    private mutating func take(_ shard: LogShard, _ taken: consuming Exchange, time: Int64) -> [Action] {
        var exchange = taken
        if exchange.leavesGap(shard), !exchange.round.attempt.hadGap {
            var attempt = exchange.round.attempt
            attempt.hadGap = true
            let gap = "a shard begins at record \(shard.firstRecord), record \(exchange.nextRecord) was next"
            return withoutScratch(exchange.round, attempt, gap)
        }
        do throws(Status) {
            try exchange.take(shard)
        } catch {
            return refuse(error)
        }
        return goOn(exchange, time: time)
    }

    /// Goes on with the exchange's shard, up to signatures that must be verified first.
    private mutating func goOn(_ taken: consuming Exchange, time: Int64) -> [Action] {
        var exchange = taken
        do throws(Status) {
            if let signatures = try exchange.appraise() {
                state = .awaitingSignatures(exchange)
                return [.verify(signatures)]
            }
        } catch {
            return refuse(error)
        }
        guard let shard = exchange.shard else { return [] }
        let note = Action.note(
            .shard(
                round: shard.round, records: shard.recordCount, bytes: shard.records.count,
                nextRecord: exchange.nextRecord, remaining: shard.recordsRemaining))
        guard shard.moreDataPending, !exchange.isEnded else { return [note] + conclude(exchange) }
        let credit = ShardCredit(round: shard.round, nextRecord: exchange.nextRecord, window: settings.window)
        let position = exchange.markPosition()
        let scratch = settings.scratchSeconds > 0 ? exchange.scratch(of: position, at: time) : nil
        state = .awaitingShard(exchange)
        return [note, .expect("LogShard", seconds: settings.shardSeconds), .send(.shardCredit(credit))]
            + (scratch.map { [.remember($0)] } ?? [])
    }

    private mutating func conclude(_ taken: consuming Exchange) -> [Action] {
        var exchange = taken
        let trial = exchange.finishTrial()
        let round = exchange.round
        let quote = exchange.quote
        let passed = exchange.passed
        let missed = exchange.missedRecord
        let outcome = exchange.finish()
        if outcome.newState == nil, let scratch = round.plan.scratch {
            return [.forgetScratch(ledAstrayAt: scratch.appraisal.nextRecord)]
                + withoutScratch(round, round.attempt, "what was kept of a broken transfer doesn't lead to the quote")
        }
        let restartCount = quote.clockInfo.restartCount
        let wasSuspended = round.plan.clock.map { $0.restartCount != restartCount } ?? false
        if outcome.newState == nil, round.plan.resumesCommit, wasSuspended {
            let reason = "the host was suspended, and its PCRs do not follow from the last position"
            return [.note(.retryFromRecordZero(reason))] + fromRecordZero(round)
        }
        if outcome.beginsBehindGap, round.plan.resumesCommit {
            let reason = "the agent's log begins with a snapshot of other PCR values than those of the last position"
            return [.note(.retryFromRecordZero(reason))] + fromRecordZero(round)
        }
        var concluded = RoundOutcome(round, quote, outcome, passed: passed)
        if outcome.newState == nil, let missed {
            concluded.findings.add(.missing(missed, found: "the log ends at record \(outcome.recordsReceived)"))
        }
        concluded.trial = trial
        return commit(concluded, of: round)
    }

    private mutating func commit(_ outcome: RoundOutcome, of round: Round) -> [Action] {
        abandon(round)
        state = .awaitingCommit(round, outcome)
        return [.commit(outcome)]
    }

    private mutating func fromRecordZero(_ round: Round) -> [Action] {
        var attempt = round.attempt
        attempt.fromRecordZero = true
        attempt.withoutScratch = true
        return again(round, attempt)
    }

    /// Once more from the last commit, or from record 0 if that was of no use either.
    private mutating func withoutScratch(_ round: Round, _ attempt: Attempt, _ reason: String) -> [Action] {
        var attempt = attempt
        attempt.withoutScratch = true
        return [.note(.retryWithoutScratch(reason))] + again(round, attempt)
    }

    private mutating func again(_ round: Round, _ attempt: Attempt) -> [Action] {
        abandon(round)
        state = .awaitingBasis(round.hello, attempt)
        return [.load]
    }

    /// The agent cannot go on, or does not hold what was asked for.
    private mutating func ended(by status: Status) -> [Action] {
        let taken = takeState()
        guard case .awaitingEvidence(let round) = taken, status.code == .outOfRange, status.round == round.number
        else { return [.close(status, send: false)] }
        if round.plan.scratch != nil {
            return withoutScratch(round, round.attempt, "the agent doesn't hold record \(round.plan.firstRecord)")
        }
        guard round.attempt.wordsOnMissing == nil else { return refuse(.heldAndNotHeld(round: round.number)) }
        var attempt = round.attempt
        if attempt.missedRecord == nil {
            // The log may be another boot's, which only a quote tells: one is made for a record that is held.
            attempt.missedRecord = round.plan.firstRecord
            attempt.fromRecordZero = true
        } else {
            // Still nothing that is proved: the agent's word alone makes no verdict.
            attempt.wordsOnMissing = status.message
        }
        return again(round, attempt)
    }

    private func refuse(_ message: AgentMessage, awaiting expectation: Expectation) -> [Action] {
        refuse(expectation.refusal(of: message))
    }

    private func refuse(_ status: Status) -> [Action] { [.close(status, send: true)] }
}
