import Appraisal
import AssayCrypto
import Bytes
import Messages
import Store
import TPM
import TestSupport
import Testing

@testable import Server

/// A verifier's session on the bench: the test is its agent, its store and its clock.
///
/// What it is told comes back as lines, so that a test reads like a trace: call, what the session does, call.
final class Bench {
    var host: SimulatedHost
    /// What "the store" holds.
    var attestation: RoundBasis.Attestation?
    var scratch: Scratch?
    var numbers = RoundBasis.Numbers()
    var certificate: Digest?
    /// When that ends, in seconds since 1970; nil for never.
    var certificateEnd: Int64?
    /// Now, in seconds since 1970, for the session.
    var time: Int64 = 950
    var policy: Policy?
    var deniedKeys: Set<Digest> = []
    var mayResume = true
    /// Where the operator wants the next round to begin.
    var position: RoundBasis.Attestation?
    /// What an operator wants to be told of the log.
    var learning: LearningRequest?
    /// Whether the next commits go through.
    var commits = true
    var settings = SessionSettings()

    private(set) var session: VerifierSession
    private(set) var challenge = Challenge(
        round: 0, nonce: [], banks: [], pcrs: [], firstRecord: 0, shardBytes: 0, window: 0)
    private(set) var outcome: RoundOutcome?
    private(set) var result: AttestationResult?
    private(set) var status: Status?
    /// How many signatures each batch had that the session asked for.
    private(set) var batches: [Int] = []
    /// How often a session was made the agent's.
    private(set) var takeOvers = 0
    private var nonces: UInt8 = 0

    init(_ host: SimulatedHost, settings: SessionSettings = SessionSettings()) throws {
        self.host = host
        self.settings = settings
        session = VerifierSession(
            agentID: SimulatedHost.id, exporter: SimulatedHost.exporter, certificate: nil, certificateEnd: nil,
            settings: settings)
        policy = try Self.policy(allowing: "a", "b", "c", "d", "e")
    }

    /// A host with so many files measured, on a bench.
    convenience init(measured names: String..., settings: SessionSettings = SessionSettings()) throws {
        var host = try SimulatedHost()
        for name in names { host.measure(name) }
        try self.init(host, settings: settings)
    }

    static func policy(allowing names: String...) throws -> Policy {
        let digests = (names.map { ("/" + $0, $0) } + [("boot_aggregate", "boot")]).map { path, content in
            #""\#(path)": ["\#(LogBuilder.digest(content).hexadecimal)"]"#
        }
        let text = """
            {"meta": {"version": 1, "generator": 0}, "release": 0, "digests": {\(digests.joined(separator: ", "))},
             "excludes": [], "keyrings": {}, "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1"},
             "ima-buf": {}, "verification-keys": ""}
            """
        return try Policy(json: Array(text.utf8))
    }
}

// MARK: - One call each

extension Bench {
    /// A new connection: a new session over the same store.
    func connect() {
        session = VerifierSession(
            agentID: SimulatedHost.id, exporter: SimulatedHost.exporter, certificate: certificate,
            certificateEnd: certificateEnd, settings: settings)
    }

    func begin() -> [String] { lines(session.begin()) }

    func receive(_ message: AgentMessage) -> [String] { lines(session.receive(message, time: max(time, 1_000))) }

    func verified(_ results: SignatureResults) -> [String] {
        lines(session.verified(results, time: max(time, 1_000)))
    }

    func hello(_ change: (inout Hello) -> Void = { _ in }) throws -> [String] {
        var hello = try host.hello
        change(&hello)
        return receive(.hello(hello))
    }

    func load() throws -> [String] {
        nonces += 1
        return lines(session.loaded(try basis(), nonce: [UInt8](repeating: nonces, count: 32), time: time))
    }

    func basis() throws -> RoundBasis {
        var basis = RoundBasis(
            attestationKey: try host.tpm.attestationKey(), policy: policy, deniedKeys: deniedKeys,
            attestation: attestation, mayResume: mayResume, numbers: numbers, scratch: scratch)
        basis.position = position
        basis.learning = learning
        return basis
    }

    func evidence(_ change: (inout Evidence) -> Void = { _ in }) throws -> [String] {
        var evidence = try host.evidence(challenge)
        change(&evidence)
        return receive(.evidence(evidence))
    }

    func shard(_ range: Range<UInt64>, _ change: (inout LogShard) -> Void = { _ in }) throws -> [String] {
        var shard = try host.shard(challenge.round, range)
        change(&shard)
        return receive(.logShard(shard))
    }

    func commit() -> [String] {
        if commits {
            numbers.verdict += 1
            scratch = nil
            if let attestation = outcome?.attestation {
                self.attestation = attestation
                numbers.state = numbers.verdict
            }
        }
        return lines(session.committed(commits))
    }

    func roundDue() -> [String] { lines(session.roundDue()) }

    private func lines(_ asked: [VerifierSession.Action]) -> [String] {
        let actions = asked.flatMap(verified)
        for action in actions {
            switch action {
            case .send(.challenge(let sent)): challenge = sent
            case .send(.attestationResult(let sent)): result = sent
            case .takeOver: takeOvers += 1
            case .commit(let asked): outcome = asked
            case .remember(let asked): scratch = asked
            case .forgetScratch: scratch = nil
            case .close(let reason, _): status = reason
            default: break
            }
        }
        return actions.compactMap(\.line)
    }
}

extension Bench {
    /// What follows once a batch of signatures is verified, which happens at once here.
    private func verified(_ action: VerifierSession.Action) -> [VerifierSession.Action] {
        guard case .verify(let batch) = action else { return [action] }
        batches.append(batch.count)
        return session.verified(batch.verified(), time: max(time, 1_000)).flatMap(verified)
    }
}

// MARK: - Whole rounds

extension Bench {
    /// Connects and attests as an honest agent, shard by shard, until the verdict or the end of the connection.
    ///
    /// - Returns: what the session did, without the deadlines and what is routine.
    func attest(records: Int = 2, hello change: (inout Hello) -> Void = { _ in }) throws -> [String] {
        connect()
        return try go(on: begin() + (try hello(change)), records: records)
    }

    /// The next round on the same connection.
    func attestAgain(records: Int = 2) throws -> [String] {
        try go(on: roundDue(), records: records)
    }

    private func go(on lines: [String], records: Int) throws -> [String] {
        var pending = lines
        var trace: [String] = []
        var next: UInt64 = 0
        while let line = pending.first {
            pending.removeFirst()
            let isRoutine = [
                "expect", "wait", "load", "note challenged", "note quoted", "note shard", "send ShardCredit",
            ]
            .contains { line.hasPrefix($0) }
            if !isRoutine { trace.append(line) }
            switch line.prefix(14) {
            case "load": pending += try load()
            case "send Challenge":
                next = challenge.firstRecord
                pending += try evidence()
            case "expect LogShar":
                let end = min(next + UInt64(records), UInt64(host.log.count))
                pending += try shard(next..<end)
                next = end
            default: if line.hasPrefix("commit") { pending += commit() }
            }
        }
        return trace
    }
}

extension VerifierSession.Action {
    /// What a trace shows of it; nothing of what follows each shard.
    var line: String? {
        switch self {
        case .send(.challenge(let challenge)): "send Challenge \(challenge.round) from \(challenge.firstRecord)"
        case .send(.shardCredit(let credit)): "send ShardCredit \(credit.round) next \(credit.nextRecord)"
        case .send(.attestationResult(let result)):
            "send AttestationResult \(result.round) \(result.tier) next \(result.nextRecord)"
        case .send(let message): "send \(message.kind)"
        case .takeOver: nil
        case .tellStanding: "tell standing"
        case .load: "load"
        case .verify(let batch): "verify \(batch.count)"
        case .renew: "renew"
        case .remember: nil
        case .forgetScratch(nil): "forget scratch"
        case .forgetScratch(let record?): "forget scratch at \(record)"
        case .commit(let outcome): "commit \(outcome.line)"
        case .expect(let awaited, let seconds): "expect \(awaited) in \(seconds) s"
        case .wait(let seconds): "wait \(seconds) s"
        case .note(.challenged): "note challenged"
        case .note(.quoted): "note quoted"
        case .note(.shard): "note shard"
        case .note(.newEpoch(let resetCount)): "note new epoch \(resetCount)"
        case .note(.retryFromRecordZero): "note retry from record 0"
        case .note(.retryWithoutScratch): "note retry from last commit"
        case .note(.conflict): "note conflict"
        case .close(let status, let send): send ? "close \(status.code.name)" : "closed by \(status.code.name)"
        }
    }
}

extension RoundOutcome {
    fileprivate var line: String {
        let reasons = findings.byReason.keys.map(\.rawValue).sorted()
        let position = attestation == nil ? "position kept" : "next \(nextRecord)"
        return ([tier.rawValue, position] + reasons).joined(separator: ", ")
    }
}
