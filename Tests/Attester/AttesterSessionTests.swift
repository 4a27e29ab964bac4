import AssayCrypto
import Messages
import TPM
import Testing

@testable import Attester

@Suite("The agent's session") struct AttesterSessionTests {
    private typealias Action = AttesterSession.Action

    private static let quote = ReceivedQuote(attest: [1], signature: [2], pcrValues: PCRValues())

    private func session() -> AttesterSession {
        AttesterSession(
            binding: .init(
                agentID: Array("host-1".utf8), attestationKeyName: [0, 11], exporter: [UInt8](repeating: 3, count: 32)))
    }

    private func challenge(_ round: UInt64 = 1, first: UInt64 = 0, shardBytes: UInt32 = 1 << 16, window: UInt32 = 4)
        -> VerifierMessage
    {
        .challenge(
            Challenge(
                round: round, nonce: [UInt8](repeating: 9, count: 32), banks: [.sha256], pcrs: PCRSet([0, 10]),
                firstRecord: first, shardBytes: shardBytes, window: window))
    }

    private func credit(_ round: UInt64 = 1, next: UInt64, window: UInt32 = 4) -> VerifierMessage {
        .shardCredit(ShardCredit(round: round, nextRecord: next, window: window))
    }

    private func result(_ round: UInt64 = 1) -> AttestationResult {
        AttestationResult(round: round, tier: .affirming, nextRecord: 2)
    }

    private func shard(
        _ round: UInt64 = 1, from first: UInt64, count: UInt32 = 1, bytes: Int = 10, remaining: UInt64,
        bytesRemaining: UInt64
    ) -> Action {
        .send(
            .logShard(
                LogShard(
                    round: round, firstRecord: first, recordCount: count, records: [UInt8](repeating: 0, count: bytes),
                    moreDataPending: remaining > 0, recordsRemaining: remaining, bytesRemaining: bytesRemaining)))
    }

    private func isInvalid(_ actions: [Action]) -> Bool {
        if case .close(let reason, send: true)? = actions.first { reason.code == .invalidArgument } else { false }
    }

    /// Records that are to be read now, one a shard of ten bytes, until the session wants no more.
    private func sendAll(_ session: inout AttesterSession, _ actions: [Action]) -> [UInt64] {
        var pending = actions
        var sent: [UInt64] = []
        while !pending.isEmpty {
            if case .readShard(let first, _, _) = pending.removeFirst() {
                pending += session.read([UInt8](repeating: 0, count: 10), count: 1, first: first)
                sent.append(first)
            }
        }
        return sent
    }

    @Test(
        "makes shards as large as it is asked for, and no larger than a frame",
        arguments: [(1, 1), (65_536, 65_536), (4_000_000, 4_000_000), (.max, (4 << 20) - (4 << 10))] as [(UInt32, Int)])
    func shardBytes(asked: UInt32, made: Int) {
        var session = session()
        _ = session.receive(challenge(shardBytes: asked))
        let actions = session.quoted(Self.quote, log: .init(firstRecord: 0, nextRecord: 2, bytes: 20))
        #expect(actions.last == .readShard(first: 0, end: 2, maximumBytes: made))
    }

    @Test("answers a Challenge with a quote, the quote with Evidence, and sends the log to its end")
    func trace() {
        var session = session()
        #expect(session.isIdle)
        let data = QuoteBinding.qualifyingData(
            nonce: [UInt8](repeating: 9, count: 32), agentID: Array("host-1".utf8), attestationKeyName: [0, 11],
            exporter: [UInt8](repeating: 3, count: 32))
        let selection = PCRSelection(banks: [.sha256], pcrs: PCRSet([0, 10]))
        #expect(
            session.receive(challenge(first: 5)) == [
                .quote(qualifyingData: data, selection: selection, firstRecord: 5)
            ])
        #expect(!session.isIdle)
        let evidence = Evidence(
            round: 1, attest: [1], signature: [2], pcrValues: PCRValues(), logEnd: 7, logBytes: 20)
        #expect(
            session.quoted(Self.quote, log: .init(firstRecord: 0, nextRecord: 7, bytes: 20)) == [
                .send(.evidence(evidence)), .readShard(first: 5, end: 7, maximumBytes: 1 << 16),
            ])
        #expect(
            session.read([UInt8](repeating: 0, count: 12), count: 1, first: 5) == [
                shard(from: 5, bytes: 12, remaining: 1, bytesRemaining: 8),
                .progress(
                    .init(
                        firstRecord: 5, recordsSent: 1, bytesSent: 12, recordsTotal: 2, bytesTotal: 20, shardRecords: 1,
                        shardBytes: 12, moreDataPending: true)),
                .readShard(first: 6, end: 7, maximumBytes: 1 << 16),
            ])
        #expect(
            session.read([UInt8](repeating: 0, count: 8), count: 1, first: 6) == [
                shard(from: 6, bytes: 8, remaining: 0, bytesRemaining: 0),
                .progress(
                    .init(
                        firstRecord: 5, recordsSent: 2, bytesSent: 20, recordsTotal: 2, bytesTotal: 20, shardRecords: 1,
                        shardBytes: 8, moreDataPending: false)),
            ])
        #expect(session.receive(credit(next: 6)).isEmpty)
        #expect(session.receive(.attestationResult(result())) == [.verdict(result())])
        #expect(session.isIdle)
    }

    @Test("sends one empty shard when nothing is new, of which an operator is told nothing")
    func empty() {
        var session = session()
        _ = session.receive(challenge(first: 5))
        let actions = session.quoted(Self.quote, log: .init(firstRecord: 0, nextRecord: 5, bytes: 0))
        #expect(actions.dropFirst().first == shard(from: 5, count: 0, bytes: 0, remaining: 0, bytesRemaining: 0))
        #expect(actions.count == 2)
        #expect(session.receive(.attestationResult(result())) == [.verdict(result())])
    }

    @Test("has never more shards in flight than the window allows", arguments: [1, 2, 4, 8] as [UInt32])
    func window(window: UInt32) {
        var session = session()
        _ = session.receive(challenge(window: window))
        let start = session.quoted(Self.quote, log: .init(firstRecord: 0, nextRecord: 20, bytes: 200))
        #expect(sendAll(&session, start) == Array(0..<UInt64(window)))
        var next = UInt64(window)
        for taken in 1...(20 - UInt64(window)) {
            #expect(sendAll(&session, session.receive(credit(next: taken, window: window))) == [next])
            next += 1
        }
        #expect(next == 20)
        #expect(sendAll(&session, session.receive(credit(next: 20, window: window))).isEmpty)
    }

    @Test("heeds a window that a credit narrows or widens, and a credit that covers several shards")
    func windowChanges() {
        var session = session()
        _ = session.receive(challenge(window: 4))
        let start = session.quoted(Self.quote, log: .init(firstRecord: 0, nextRecord: 20, bytes: 200))
        #expect(sendAll(&session, start) == [0, 1, 2, 3])
        #expect(sendAll(&session, session.receive(credit(next: 1, window: 2))).isEmpty)
        #expect(sendAll(&session, session.receive(credit(next: 4, window: 2))) == [4, 5])
        #expect(sendAll(&session, session.receive(credit(next: 5, window: 3))) == [6, 7])
        #expect(sendAll(&session, session.receive(credit(next: 5, window: 0))).isEmpty)
        // One of another round, or behind what was already taken, changes nothing.
        #expect(sendAll(&session, session.receive(credit(2, next: 20, window: 9))).isEmpty)
        #expect(sendAll(&session, session.receive(credit(next: 0, window: 3))).isEmpty)
    }

    @Test("drops what belonged to a round that a new Challenge replaces")
    func replaced() {
        var session = session()
        _ = session.receive(challenge(window: 2))
        #expect(session.receive(challenge(2, window: 2)).count == 1)
        let log = AttesterSession.LogExtent(firstRecord: 0, nextRecord: 9, bytes: 90)
        #expect(sendAll(&session, session.quoted(Self.quote, log: log)) == [0, 1])
        #expect(session.receive(challenge(3, first: 4)).count == 1)
        #expect(session.receive(credit(2, next: 2)).isEmpty)
        #expect(session.read([0], count: 1, first: 2).isEmpty)
        let actions = session.quoted(Self.quote, log: log)
        #expect(actions.last == .readShard(first: 4, end: 9, maximumBytes: 1 << 16))
        guard case .send(.evidence(let evidence))? = actions.first else {
            Issue.record("no Evidence")
            return
        }
        #expect(evidence.round == 3)
        #expect(session.read([0], count: 1, first: 2).isEmpty)
        #expect(isInvalid(session.receive(.attestationResult(result(2)))))
    }

    @Test("answers OUT_OF_RANGE to records that it doesn't hold, and goes on", arguments: [4, 11] as [UInt64])
    func outOfRange(first: UInt64) {
        var session = session()
        _ = session.receive(challenge(7, first: first))
        let actions = session.quoted(Self.quote, log: .init(firstRecord: 5, nextRecord: 10, bytes: 0))
        guard case .send(.status(let status))? = actions.first, actions.count == 1 else {
            Issue.record("\(actions)")
            return
        }
        #expect(status.code == .outOfRange && status.round == 7 && status.message.contains("records 5 to 10"))
        var judged = session
        #expect(judged.receive(.attestationResult(result(7))) == [.verdict(result(7))])
        #expect(judged.isIdle)
        #expect(session.receive(challenge(8, first: 5)).count == 1)
    }

    @Test("takes the verdict also before all was sent: a quote or a record may settle it")
    func earlyVerdict() {
        var session = session()
        _ = session.receive(challenge(window: 1))
        let log = AttesterSession.LogExtent(firstRecord: 0, nextRecord: 9, bytes: 90)
        let start = session.quoted(Self.quote, log: log)
        #expect(session.receive(.attestationResult(result())) == [.verdict(result())])
        #expect(sendAll(&session, start) == [0])  // the driver's read was under way
        #expect(session.isIdle)
        _ = session.receive(challenge(2, window: 1))
        #expect(sendAll(&session, session.quoted(Self.quote, log: log)) == [0])
        #expect(session.receive(.attestationResult(result(2))) == [.verdict(result(2))])
        #expect(session.isIdle)
    }

    @Test("says Hello again in place of Evidence when the log has begun to use another PCR, and takes a new Challenge")
    func restated() {
        var session = session()
        let hello = Hello(
            agentID: [1], attestationKeyName: [0, 11], nextRecord: 9, banks: [.sha256], pcrs: PCRSet([10, 11]),
            maximumShardBytes: 1 << 20)
        #expect(session.restated(hello).isEmpty)
        _ = session.receive(challenge(1))
        #expect(session.restated(hello) == [.send(.hello(hello))])
        #expect(session.quoted(Self.quote, log: .init(firstRecord: 0, nextRecord: 1, bytes: 1)).isEmpty)
        #expect(session.receive(challenge(2)).count == 1)
    }

    @Test("ends with the verifier's status")
    func endings() {
        var refused = session()
        let status = Status(.permissionDenied, "revoked")
        #expect(refused.receive(.status(status)) == [.close(reason: status, send: false)])
        #expect(refused.receive(challenge()).isEmpty)
    }

    @Test("refuses a Challenge that no quote can answer")
    func badChallenges() {
        for change: (inout Challenge) -> Void in [
            { $0.nonce.removeLast() }, { $0.nonce.append(0) }, { $0.banks = [] }, { $0.pcrs = [] }, { $0.window = 0 },
        ] {
            var session = session()
            guard case .challenge(var bad) = challenge() else { continue }
            change(&bad)
            #expect(isInvalid(session.receive(.challenge(bad))))
            #expect(session.receive(challenge()).isEmpty)
        }
    }

    @Test("refuses a verdict of another round, or before its evidence; and messages of a join")
    func outOfOrder() {
        var idle = session()
        #expect(isInvalid(idle.receive(.attestationResult(result()))))
        var quoting = session()
        _ = quoting.receive(challenge())
        #expect(isInvalid(quoting.receive(.attestationResult(result()))))
        var waiting = session()
        _ = waiting.receive(challenge())
        _ = waiting.quoted(Self.quote, log: .init(firstRecord: 0, nextRecord: 0, bytes: 0))
        #expect(isInvalid(waiting.receive(.attestationResult(result(2)))))
        var joining = session()
        #expect(
            isInvalid(
                joining.receive(.certificateIssued(CertificateIssued(agentID: [], certificates: [], authorities: [])))))
    }
}
