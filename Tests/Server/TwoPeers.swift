import Appraisal
import AssayCrypto
import Attester
import IMA
import Messages
import Store
import TPM
import TestSupport
import Testing

@testable import Server

/// Both peers' sessions, joined in memory by a link that keeps messages in order and breaks when chance wants it.
///
/// Everything that happens follows from the seed: which message arrives next, when the log grows, when the connection is
/// cut, when the host boots.
final class TwoPeers {
    private var random: SplitMix
    private let settings: SessionSettings
    private var host: SimulatedHost
    private let policy: Policy
    private var verifier: VerifierSession
    private var agent: AttesterSession
    private var toVerifier: [AgentMessage] = []
    private var toAgent: [VerifierMessage] = []
    private var isRoundAwaited = false
    private var nonces: UInt64 = 0
    private var measured = 0
    /// What the store holds.
    private(set) var attestation: RoundBasis.Attestation?
    private(set) var cuts = 0
    /// What the store holds of a log on its way, and what would be written when the connection ends.
    private var scratch: Scratch?
    private var latest: Scratch?
    private var numbers = RoundBasis.Numbers()
    /// Rounds that went on where a broken one stood.
    private(set) var resumptions = 0
    private(set) var verdicts = 0
    /// What no run may show.
    private(set) var faults: [String] = []

    /// - Parameter files: how many were measured before the first connection.
    init(seed: UInt64, files: Int = 0) throws {
        random = SplitMix(state: seed)
        var settings = SessionSettings()
        settings.window = UInt32(random.below(5)) + 1
        settings.shardBytes = UInt32(random.below(1200)) + 100
        self.settings = settings
        host = try SimulatedHost()
        policy = try Bench.policy(allowing: "good")
        verifier = VerifierSession(
            agentID: SimulatedHost.id, exporter: SimulatedHost.exporter, certificate: nil, certificateEnd: nil,
            settings: settings)
        agent = try Self.agent(host)
        for _ in 0..<files { measure() }
        try connect()
    }

    /// The number of records that the host has.
    var records: UInt64 { UInt64(host.log.count) }

    /// Runs so many steps of chance.
    func disturb(steps: Int) throws {
        for _ in 0..<steps {
            switch random.below(100) {
            case 0..<2: try cut(boots: random.below(8) == 0)
            case 2..<12: for _ in 0...random.below(6) { measure() }
            default: try step()
            }
        }
    }

    /// Lets the peers finish in peace: until all that the host has measured is committed.
    func settle() throws {
        for _ in 0..<10_000 {
            if isRoundAwaited, toVerifier.isEmpty, toAgent.isEmpty, attestation?.state.nextRecord == records { return }
            try step()
        }
        faults.append("nothing settles: \(attestation?.state.nextRecord ?? 0) of \(records) records")
    }
}

// MARK: - What may happen

extension TwoPeers {
    private func measure() {
        measured += 1
        if measured.isMultiple(of: 13) {
            host.log.file("/evil-\(measured)", "evil")
        } else {
            host.measure("good")
        }
    }

    /// The connection breaks, with whatever was on it; the agent comes back.
    private func cut(boots: Bool) throws {
        cuts += 1
        host.clock.clock += 1
        // A verifier that was killed has written nothing at its end.
        if random.below(3) > 0, let latest { scratch = latest }
        latest = nil
        if boots { host.reboot() }
        try connect()
    }

    private func connect() throws {
        verifier = VerifierSession(
            agentID: SimulatedHost.id, exporter: SimulatedHost.exporter, certificate: nil, certificateEnd: nil,
            settings: settings)
        agent = try Self.agent(host)
        toAgent = []
        toVerifier = [.hello(try host.hello)]
        isRoundAwaited = false
        try perform(verifier.begin())
    }

    private static func agent(_ host: SimulatedHost) throws -> AttesterSession {
        AttesterSession(
            binding: .init(
                agentID: SimulatedHost.id, attestationKeyName: try host.tpm.attestationKey().name,
                exporter: SimulatedHost.exporter))
    }

    /// One message arrives on one side; or the next round is due.
    private func step() throws {
        let ways = [!toVerifier.isEmpty, !toAgent.isEmpty, isRoundAwaited && toVerifier.isEmpty && toAgent.isEmpty]
        let open = ways.indices.filter { ways[$0] }
        guard !open.isEmpty else {
            faults.append("both peers wait")
            return try connect()
        }
        switch open[random.below(open.count)] {
        case 0: try perform(verifier.receive(toVerifier.removeFirst(), time: 1_000))
        case 1: try perform(agent.receive(toAgent.removeFirst()))
        default:
            isRoundAwaited = false
            try perform(verifier.roundDue())
        }
    }
}

// MARK: - The drivers' part

extension TwoPeers {
    private func perform(_ actions: [VerifierSession.Action]) throws {
        var pending = actions
        while !pending.isEmpty {
            switch pending.removeFirst() {
            case .send(let message): toAgent.append(message)
            case .load:
                latest = nil
                nonces += 1
                var nonce = SplitMix(state: nonces)
                let bytes = (0..<32).map { _ in UInt8(nonce.below(256)) }
                let basis = RoundBasis(
                    attestationKey: try host.tpm.attestationKey(), policy: policy, attestation: attestation,
                    mayResume: true, numbers: numbers, scratch: scratch)
                pending += verifier.loaded(basis, nonce: bytes, time: 1_000)
            case .verify(let signatures): pending += verifier.verified(signatures.verified(), time: 1_000)
            case .commit(let outcome):
                verdicts += 1
                check(outcome)
                // One commit in eight meets a change of what it rests on.
                let isCommitted = random.below(8) > 0
                if isCommitted {
                    attestation = outcome.attestation ?? attestation
                    numbers.verdict += 1
                    numbers.state = numbers.verdict
                    (scratch, latest) = (nil, nil)
                }
                pending += verifier.committed(isCommitted)
            case .wait: isRoundAwaited = true
            case .remember(let remembered):
                latest = remembered
                if random.below(4) == 0 { scratch = remembered }
            case .forgetScratch(let record):
                if record != nil { faults.append("an honest transfer led astray") }
                (scratch, latest) = (nil, nil)
            case .note(.challenged(_, _, .brokenTransfer)): resumptions += 1
            case .expect, .note, .renew, .takeOver, .tellStanding: break
            case .close(let status, _):
                // The verifier gives up on a round only after a row of conflicts.
                if status.code != .aborted { faults.append("the verifier closes: \(status)") }
                return try connect()
            }
        }
    }

    private func perform(_ actions: [AttesterSession.Action]) throws {
        var pending = actions
        while !pending.isEmpty {
            switch pending.removeFirst() {
            case .send(let message):
                toVerifier.append(message)
                checkWindow()
            case .quote(let data, let selection, let first):
                let quote = try host.quote(data, selection)
                // A host measures on while it quotes.
                for _ in 0..<random.below(4) { measure() }
                let bytes = UInt64(try host.records(min(first, records)..<records).count)
                pending += agent.quoted(quote, log: .init(firstRecord: 0, nextRecord: records, bytes: bytes))
            case .readShard(let first, let end, let maximumBytes):
                let bytes = try host.records(first..<end)
                let shard = try LogDelimiter(LogFormat()).wholeRecords(
                    in: bytes.span, number: first, maximumBytes: maximumBytes)
                pending += agent.read(Array(bytes[..<shard.end]), count: UInt32(shard.count), first: first)
            case .progress, .verdict, .certificate: break
            case .close(let reason, _):
                if reason.code != .aborted { faults.append("the agent closes: \(reason)") }
                return try connect()
            }
        }
    }

    private func check(_ outcome: RoundOutcome) {
        // A host that has just booted may have measured no file yet, and is told so.
        let isIdle = outcome.attestation?.state.fileRecords == 0
        let reasons = outcome.findings.byReason.keys.filter {
            $0 != .notInPolicy && !(isIdle && $0 == .nothingMeasured)
        }
        if !reasons.isEmpty { faults.append("verdict \(reasons)") }
        guard let made = outcome.attestation else { return faults.append("a round without a match") }
        if let attestation, attestation.clock.resetCount == made.clock.resetCount,
            attestation.state.nextRecord > made.state.nextRecord
        {
            faults.append("the position goes back")
        }
        if made.state.nextRecord > records { faults.append("more records are judged than were measured") }
    }

    private func checkWindow() {
        let rounds = toVerifier.compactMap { if case .logShard(let shard) = $0 { shard.round } else { nil } }
        guard let last = rounds.max() else { return }
        let count = rounds.count { $0 == last }
        if count > Int(settings.window) { faults.append("\(count) shards in flight, \(settings.window) allowed") }
    }
}

/// A small generator of chance (SplitMix64, Steele and others, 2014): the same seed, the same run, on any machine.
struct SplitMix {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((word ^ (word >> 31)) % UInt64(max(1, bound)))
    }
}

@Suite("Two peers on a link that breaks") struct TwoPeersTests {
    @Test(
        "end where peers end that nothing disturbed",
        arguments: Array(0..<30) + [UInt64.random(in: .min ... .max), .random(in: .min ... .max)])
    func disturbed(seed: UInt64) throws {
        let peers = try TwoPeers(seed: seed, files: 20)
        try peers.disturb(steps: 400)
        try peers.settle()
        let faults = peers.faults
        #expect(faults.isEmpty, "seed \(seed)")
        let undisturbed = try peers.appraisedAtOnce()
        let state = peers.attestation?.state
        #expect(state == undisturbed, "seed \(seed)")
    }

    @Test("are disturbed indeed")
    func disturbances() throws {
        var cuts = 0
        var verdicts = 0
        var resumptions = 0
        for seed in 0..<10 as Range<UInt64> {
            let peers = try TwoPeers(seed: seed)
            try peers.disturb(steps: 400)
            cuts += peers.cuts
            verdicts += peers.verdicts
            resumptions += peers.resumptions
        }
        #expect(cuts > 30 && verdicts > 100 && resumptions > 5)
    }
}

extension TwoPeers {
    /// What one undisturbed round over the whole of the host's log comes to.
    func appraisedAtOnce() throws -> AppraisalState? {
        let bench = try Bench(host)
        bench.policy = policy
        _ = try bench.attest(records: 10_000)
        return bench.attestation?.state
    }
}
