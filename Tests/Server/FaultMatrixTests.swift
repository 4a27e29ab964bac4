import Appraisal
import AssayCrypto
import Attester
import Bytes
import Foundation
import IMA
import Messages
import SystemPackage
import TPM
import TestSupport
import Testing

@testable import Server
@testable import Store

/// Who or what breaks a transfer.
enum Fault: String, CaseIterable {
    /// The verifier hears all that was sent, and then that the connection has ended.
    case agentKilled
    /// What was on its way is lost, on both sides.
    case connectionReset
    /// The verifier writes no more; the store is opened by another.
    case verifierKilled
}

/// A transfer of twenty shards between the real sessions, over a real store, that can be broken at any byte.
final class BreakableTransfer {
    /// Bytes of records between two writes, in the place of the four MiB of a real log.
    static let rememberedBytes: UInt64 = 4 << 10
    static let shardBytes: UInt32 = 2 << 10

    private let path: FilePath
    private(set) var host: SimulatedHost
    /// Records that the host measures while it sends a shard.
    var growth = 0
    private let id: AgentID
    private var store: Store
    private var services: SessionServices
    private var verifier: VerifierSession
    private var agent: AttesterSession
    private var snapshot: AgentSnapshot?
    private var keeper = ScratchKeeper()
    private var toVerifier: [AgentMessage] = []
    private var toAgent: [VerifierMessage] = []
    private var random: SplitMix
    /// Bytes that the connection still carries; nil for all.
    private var room: Int?
    private var isOver = false
    /// What the agent has put on the connection.
    private(set) var sentBytes = 0
    private(set) var shards = 0
    /// Of the last connection: where it began, how far the verifier got, and why it ended, if that was no fault.
    private(set) var firstRecord: UInt64?
    private(set) var appraised: (record: UInt64, bytes: UInt64) = (0, 0)
    private(set) var refusal: Status?
    private(set) var results: [AttestationResult] = []
    /// Rounds to go before `attest` returns.
    private var roundsLeft = 1

    init(_ host: SimulatedHost, policy: [UInt8], in path: FilePath, seed: UInt64) async throws {
        self.path = path
        self.host = host
        random = SplitMix(state: seed)
        id = try AgentID(SimulatedHost.id)
        store = try Store(path: path)
        services = Self.services(store)
        verifier = VerifierSession(
            agentID: id.bytes, exporter: SimulatedHost.exporter, certificate: nil, certificateEnd: nil,
            settings: services.settings)
        agent = try Self.agent(host)
        try await store.putPolicy("all", source: policy, compiled: Policy(source: policy).compiled, at: 1_000)
        let key = try host.tpm.attestationKey()
        try await store.enrol(
            Agent(
                id: id, attestationKeyPublic: Self.sized(host.tpm.publicArea.marshalled), attestationKeyName: key.name,
                enrolledAt: 1_000, policyName: "all"))
    }

    private static func sized(_ bytes: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.sized(by: UInt16.self, bytes)
        return writer.bytes
    }

    private static func services(_ store: Store) -> SessionServices {
        var settings = SessionSettings()
        settings.shardBytes = shardBytes
        settings.window = 4
        return SessionServices(store: store, settings: settings, time: { 1_000 })
    }

    private static func agent(_ host: SimulatedHost) throws -> AttesterSession {
        AttesterSession(
            binding: .init(
                agentID: SimulatedHost.id, attestationKeyName: try host.tpm.attestationKey().name,
                exporter: SimulatedHost.exporter))
    }

    /// Connects, and attests until the verdict, or until the connection has carried so many bytes of the agent's.
    func attest(
        breakingAt byte: Int? = nil, _ fault: Fault = .connectionReset, rounds: Int = 1
    ) async throws {
        roundsLeft = rounds
        verifier = VerifierSession(
            agentID: id.bytes, exporter: SimulatedHost.exporter, certificate: nil, certificateEnd: nil,
            settings: services.settings)
        agent = try Self.agent(host)
        (toVerifier, toAgent, room, isOver, sentBytes, shards) = ([], [], byte, false, 0, 0)
        firstRecord = nil
        appraised = (0, 0)
        try await perform(verifier.begin())
        try send(.hello(host.hello))
        while !isOver {
            // What comes first is a matter of chance.
            let agentIsNext = !toAgent.isEmpty && (toVerifier.isEmpty || random.below(2) == 0)
            if room.map({ $0 <= 0 }) ?? false, fault != .agentKilled || toVerifier.isEmpty { break }
            if agentIsNext {
                try perform(agent.receive(toAgent.removeFirst()))
            } else if !toVerifier.isEmpty {
                try await perform(verifier.receive(toVerifier.removeFirst(), time: 1_000))
            } else {
                refusal = Status(.internalError, "both peers wait")
                break
            }
        }
        if let scratch = keeper.takeLatest(at: .now), fault != .verifierKilled {
            try await store.remember(scratch, of: id)
        }
    }

    /// Another verifier takes the place of one that was killed.
    func reopen() throws {
        store.close()
        store = try Store(path: path)
        services = Self.services(store)
    }

    func close() { store.close() }

    private func send(_ message: AgentMessage) throws {
        var count = 64
        if case .logShard(let shard) = message { count += shard.records.count }
        if case .evidence(let evidence) = message {
            count += evidence.attest.count + evidence.signature.count + 600
        }
        sentBytes += count
        if let room {
            self.room = room - count
            // A frame that is cut is none.
            guard room >= count else { return }
        }
        if case .logShard = message { shards += 1 }
        toVerifier.append(message)
    }
}

extension BreakableTransfer {
    private func perform(_ actions: [VerifierSession.Action]) async throws {
        var pending = actions[...]
        while let action = pending.popFirst() {
            switch action {
            case .send(.challenge(let challenge)):
                firstRecord = challenge.firstRecord
                toAgent.append(.challenge(challenge))
            case .send(let message):
                if case .attestationResult(let result) = message { results.append(result) }
                toAgent.append(message)
            case .load:
                let read = try store.snapshot(of: id)
                snapshot = read
                keeper = ScratchKeeper(bytes: Self.rememberedBytes, interval: .seconds(3600))
                keeper.begin(at: .now)
                pending += verifier.loaded(
                    try services.basis(read), nonce: (0..<32).map { _ in UInt8(random.below(256)) }, time: 1_000)
            case .verify(let signatures): pending += verifier.verified(signatures.verified(), time: 1_000)
            case .remember(let scratch):
                appraised = (scratch.transfer.recordsDone, scratch.transfer.bytesDone)
                keeper.take(scratch)
                if let due = keeper.due, due <= .now, let worthy = keeper.takeLatest(at: .now) {
                    try await store.remember(worthy, of: id)
                }
            case .takeOver, .tellStanding: break
            case .forgetScratch(let record): try await store.forgetScratch(of: id, ledAstrayAt: record, at: 1_000)
            case .commit(let outcome):
                guard let snapshot else { throw Unexpected("no basis") }
                let result = try await store.commit(outcome.stored(for: snapshot, at: 1_000))
                keeper = ScratchKeeper()
                pending += verifier.committed(result == .committed(verdict: (snapshot.verdict?.number ?? 0) + 1))
            case .wait:
                roundsLeft -= 1
                isOver = roundsLeft == 0
                if !isOver { pending += verifier.roundDue() }
            case .close(let status, _):
                refusal = status
                isOver = true
            case .expect, .note, .renew: break
            }
        }
    }

    private func perform(_ actions: [AttesterSession.Action]) throws {
        var pending = actions[...]
        while let action = pending.popFirst() {
            switch action {
            case .send(let message): try send(message)
            case .quote(let data, let selection, let first):
                let end = UInt64(host.log.count)
                let log = AttesterSession.LogExtent(
                    firstRecord: 0, nextRecord: end, bytes: UInt64(try host.records(first..<end).count))
                pending += agent.quoted(try host.quote(data, selection), log: log)
            case .readShard(let first, let end, let maximumBytes):
                let bytes = try host.records(first..<end)
                let shard = try LogDelimiter(LogFormat()).wholeRecords(
                    in: bytes.span, number: first, maximumBytes: maximumBytes)
                for _ in 0..<growth { host.measure("good") }
                pending += agent.read(Array(bytes[..<shard.end]), count: UInt32(shard.count), first: first)
            case .close(let reason, _): refusal = reason
            case .progress, .verdict, .certificate: break
            }
        }
    }

    struct Unexpected: Error {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

extension BreakableTransfer {
    /// All that a store holds, but for the id that every store has its own of.
    static func contents(of path: FilePath) throws -> [String: [[UInt8]: [UInt8]]] {
        let environment = try Environment(path: path, readOnly: true, mapSize: .init(), maximumDatabases: 32)
        defer { environment.close() }
        return try environment.read { (transaction) throws(StoreError) in
            var all: [String: [[UInt8]: [UInt8]]] = [:]
            for database in try Schema(openingPresent: transaction).all {
                var entries: [[UInt8]: [UInt8]] = [:]
                try transaction.scan(database, prefix: []) { (key, value) throws(StoreError) in
                    entries[[UInt8](copying: key)] = [UInt8](copying: value)
                    return true
                }
                entries[Schema.MetaKey.header] = nil
                all[database.name] = entries
            }
            return all
        }
    }
}

@Suite("A transfer of twenty shards that breaks at any byte") struct FaultMatrixTests {
    /// A log of forty KiB with a learned key, signatures by it, files that the policy doesn't allow, and a violation.
    private static func host() throws -> (host: SimulatedHost, policy: [UInt8]) {
        let real = try Fixtures.bytes("appraisal/ima-log/kr-learn/log.bin")
        var reader = RecordReader(real.span, format: LogFormat())
        var (certificate, digest, signature): ([UInt8], [UInt8], [UInt8]) = ([], [], [])
        while let record = try reader.next() {
            let fields = RecordFields(record, in: real.span)
            if fields.kind == .buffer { certificate = Array(real[fields.buffer]) }
            guard fields.kind == .file, !fields.signature.isEmpty else { continue }
            (digest, signature) = (Array(real[fields.digest.range]), Array(real[fields.signature]))
        }
        var host = try SimulatedHost()
        for index in 0..<60 { host.measure("early\(index)") }
        host.log.buffer(".ima", certificate)
        for index in 0..<130 {
            host.log.signed("/usr/bin/signed\(index)", digest, signature)
            if index.isMultiple(of: 40) { host.log.violation("/var/log/written\(index)") }
        }
        let names = (0..<60).map { "\"/early\($0)\": [\"\(LogBuilder.digest("early\($0)").hexadecimal)\"]" }
        // Two of those that have no signature aren't allowed.
        let policy = """
            {"meta": {"version": 1, "generator": 0}, "release": 0,
             "digests": {"boot_aggregate": ["\(LogBuilder.digest("boot").hexadecimal)"],
                         \(names.dropLast(2).joined(separator: ", "))},
             "excludes": [], "keyrings": {".ima": ["\(PCRBank.sha256.digest(of: certificate))"]},
             "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1"}, "ima-buf": {}, "verification-keys": ""}
            """
        return (host, Array(policy.utf8))
    }

    private static let cuts = 50

    @Test(
        "leaves the store that an undisturbed one leaves, to the byte, and sends only what is missing",
        arguments: Fault.allCases)
    func matrix(fault: Fault) async throws {
        let seed = UInt64.random(in: .min ... .max)
        print("fault matrix, \(fault): seed \(seed)")
        var random = SplitMix(state: seed)
        let (host, policy) = try Self.host()
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-faults-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let root = FilePath(folder.path)

        let undisturbed = try await BreakableTransfer(host, policy: policy, in: root.appending("0"), seed: seed)
        try await undisturbed.attest()
        undisturbed.close()
        #expect(undisturbed.shards >= 20 && undisturbed.refusal == nil)
        let wanted = try BreakableTransfer.contents(of: root.appending("0"))
        #expect(wanted["keyrings"]?.count == 1 && wanted["verdicts"]?.count == 1 && wanted["scratch"]?.isEmpty == true)

        var resumptions = 0
        for cut in 1...Self.cuts {
            let byte = random.below(undisturbed.sentBytes)
            let comment = Comment(rawValue: "seed \(seed), cut \(cut) at byte \(byte)")
            let path = root.appending("\(cut)")
            let transfer = try await BreakableTransfer(host, policy: policy, in: path, seed: seed &+ UInt64(cut))
            try await transfer.attest(breakingAt: byte, fault)
            let (record, bytes) = transfer.appraised
            if fault == .verifierKilled { try transfer.reopen() }
            try await transfer.attest()
            transfer.close()
            #expect(transfer.refusal == nil, comment)
            let first = try #require(transfer.firstRecord, comment)
            let again = bytes - UInt64(try host.records(0..<min(first, record)).count)
            switch fault {
            case .agentKilled, .connectionReset: #expect(first == record, comment)
            // What was received since the last write is sent again, and never more than what one holds.
            case .verifierKilled:
                #expect(first <= record, comment)
                #expect(again <= BreakableTransfer.rememberedBytes + UInt64(BreakableTransfer.shardBytes), comment)
            }
            if first > 0 { resumptions += 1 }
            let found = try BreakableTransfer.contents(of: path)
            // Positions to go back to are those that the last connection has passed: others, as good.
            let different = wanted.keys.filter { $0 != "positions" && wanted[$0] != found[$0] }
            #expect(different.isEmpty && found["positions"]?.isEmpty == false, comment)
            #expect(try StoreCheck(path).problems.isEmpty, comment)
            try FileManager.default.removeItem(atPath: path.string)
        }
        #expect(resumptions > Self.cuts / 2)
    }
}

@Suite("A host that measures faster than it sends") struct BusyHostTests {
    @Test("still comes to its verdicts: the quote froze the target, the rest is left for the next round")
    func busy() async throws {
        var host = try SimulatedHost()
        for _ in 0..<400 { host.measure("good") }
        let policy = """
            {"meta": {"version": 1, "generator": 0}, "release": 0,
             "digests": {"boot_aggregate": ["\(LogBuilder.digest("boot").hexadecimal)"],
                         "/good": ["\(LogBuilder.digest("good").hexadecimal)"]},
             "excludes": [], "keyrings": {}, "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1"},
             "ima-buf": {}, "verification-keys": ""}
            """
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-busy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = FilePath(folder.path).appending("store")
        let transfer = try await BreakableTransfer(host, policy: Array(policy.utf8), in: path, seed: 1)
        // A shard of 2 KiB holds about 20 of them: it measures as much again and a fifth while it sends one. At a
        // shard in 24 ms that is 1,000 records a second.
        transfer.growth = 24
        try await transfer.attest(rounds: 4)
        #expect(transfer.refusal == nil)
        let results = transfer.results
        #expect(results.count == 4)
        #expect(results.allSatisfy { $0.tier == .affirming && $0.findings.isEmpty })
        // Each round ends where its quote was made, though hundreds of records came while it was sent.
        #expect(results.first?.nextRecord == 401)
        var before: UInt64 = 0
        for result in results {
            #expect(result.recordsAppraised == result.nextRecord - before && result.excessRecords == 0)
            before = result.nextRecord
        }
        #expect(UInt64(transfer.host.log.count) > before + 400)
        transfer.close()
        // And when it breaks, too.
        let broken = try await BreakableTransfer(
            host, policy: Array(policy.utf8), in: FilePath(folder.path).appending("broken"), seed: 2)
        broken.growth = 24
        try await broken.attest(breakingAt: 20_000)
        let record = broken.appraised.record
        try await broken.attest(rounds: 2)
        #expect(broken.refusal == nil && record > 100)
        let last = broken.results.last
        #expect(last?.tier == .affirming && last.map { $0.nextRecord > 401 } == true)
        #expect(broken.results.first?.recordsAppraised == broken.results.first?.nextRecord)
        broken.close()
    }
}
