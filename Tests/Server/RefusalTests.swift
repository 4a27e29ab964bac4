import AssayCrypto
import Messages
import TPM
import TestSupport
import Testing

@testable import Server

@Suite("A session refuses") struct RefusalTests {
    /// The states in which a session awaits something, and how a bench comes there.
    enum Stage: String, CaseIterable {
        case awaitingHello
        case awaitingBasis
        case awaitingEvidence
        case awaitingShard
        case awaitingCommit
        case awaitingNextRound

        func bench() throws -> Bench {
            let bench = try Bench(measured: "a", "b")
            let steps: [() throws -> [String]] = [
                { try bench.hello() }, { try bench.load() }, { try bench.evidence() },
                { try bench.shard(0..<3) }, { bench.commit() },
            ]
            for step in steps.prefix(Self.allCases.firstIndex(of: self) ?? 0) { _ = try step() }
            return bench
        }

        /// The message that is due in this state.
        var awaited: String? {
            switch self {
            case .awaitingHello: "Hello"
            case .awaitingEvidence: "Evidence"
            case .awaitingShard: "LogShard"
            case .awaitingBasis, .awaitingCommit, .awaitingNextRound: nil
            }
        }
    }

    static func messages(_ bench: Bench) throws -> [AgentMessage] {
        var challenge = bench.challenge
        if challenge.round == 0 {
            challenge = Challenge(
                round: 1, nonce: [UInt8](repeating: 0, count: 32), banks: [.sha256], pcrs: PCRSet([10]), firstRecord: 0,
                shardBytes: 1 << 20, window: 8)
        }
        var ahead = try bench.host.shard(challenge.round + 1, 0..<1)
        ahead.moreDataPending = true
        return [
            .hello(try bench.host.hello), .evidence(try bench.host.evidence(challenge)), .logShard(ahead),
            .logShard(
                LogShard(
                    round: 0, firstRecord: 0, recordCount: 0, records: [], moreDataPending: true, recordsRemaining: 0,
                    bytesRemaining: 0)),
            .joinRequest(
                JoinRequest(
                    tokenHash: [], agentID: [], endorsementKeyPublic: [], attestationKeyPublic: [],
                    endorsementKeyCertificate: [], certificateRequest: [], proof: [])),
        ]
    }

    @Test("each message in a state that awaits another", arguments: Stage.allCases)
    func outOfOrder(stage: Stage) throws {
        for index in 0..<5 {
            let bench = try stage.bench()
            let message = try Self.messages(bench)[index]
            if index < 2, message.kind == stage.awaited { continue }
            #expect(bench.receive(message) == ["close INVALID_ARGUMENT"], "\(message.kind) \(index)")
            #expect(bench.status?.message.contains(message.kind) == true)
            // And is dead afterwards: nothing of what follows is looked at.
            #expect(try bench.hello().isEmpty)
            #expect(try bench.load().isEmpty)
            #expect(bench.commit().isEmpty && bench.roundDue().isEmpty)
        }
    }

    @Test("Evidence of another round", arguments: [0, 2, UInt64.max])
    func otherRound(round: UInt64) throws {
        let bench = try Stage.awaitingEvidence.bench()
        #expect(try bench.evidence { $0.round = round } == ["close INVALID_ARGUMENT"])
    }

    @Test("a message with words that name what came, what was awaited, and the round of each")
    func words() throws {
        let evidence = try Stage.awaitingEvidence.bench()
        _ = try evidence.evidence { $0.round = 7 }
        #expect(
            evidence.status
                == Status(.invalidArgument, "Evidence of round 7 came, Evidence of round 1 was awaited", round: 1))
        let shard = try Stage.awaitingShard.bench()
        _ = try shard.hello()
        #expect(shard.status == Status(.invalidArgument, "Hello came, LogShard of round 1 was awaited", round: 1))
        let early = try Stage.awaitingHello.bench()
        _ = early.receive(try Self.messages(evidence)[1])
        #expect(early.status == Status(.invalidArgument, "Evidence of round 1 came, Hello was awaited", round: 1))
    }

    @Test("an agent of another protocol version, of another identity, with another key")
    func hello() throws {
        let version = try Bench(measured: "a")
        #expect(try version.hello { $0.protocolVersion = 2 } == ["close FAILED_PRECONDITION"])
        let identity = try Bench(measured: "a")
        #expect(try identity.hello { $0.agentID = Array("host-2".utf8) } == ["close PERMISSION_DENIED"])
        let key = try Bench(measured: "a")
        #expect(try key.hello { $0.attestationKeyName = [0, 11, 1] } == ["load"])
        #expect(try key.load() == ["close FAILED_PRECONDITION"])
    }

    @Test("no other connection of the agent is ended before a Hello that is taken")
    func takingOver() throws {
        let question = try Bench(measured: "a")
        #expect(question.receive(.status(Status(.ok, "how do I stand?"))) == ["tell standing"])
        #expect(try question.hello().isEmpty && question.takeOvers == 0)
        let other = try Bench(measured: "a")
        _ = try other.hello { $0.agentID = Array("host-2".utf8) }
        #expect(other.takeOvers == 0)
        let failing = try Bench(measured: "a")
        #expect(failing.receive(.status(Status(.unavailable, "no TPM"))) == ["closed by UNAVAILABLE"])
        #expect(failing.takeOvers == 0)
        let usual = try Bench(measured: "a")
        _ = try usual.hello()
        #expect(usual.takeOvers == 1)
        _ = try usual.load()
        // Only a Hello's place is the question's.
        #expect(usual.receive(.status(Status(.ok, "how do I stand?"))) == ["closed by OK"])
        #expect(usual.takeOvers == 1)
    }

    @Test("a TPM none of whose banks may be quoted")
    func banks() throws {
        for banks: [PCRBank] in [[], [.sha1]] {
            let bench = try Bench(measured: "a")
            _ = try bench.hello { $0.banks = banks }
            #expect(try bench.load() == ["close FAILED_PRECONDITION"])
            #expect(bench.status?.message.contains("tpm2_pcrallocate") == true)
        }
    }

    @Test("a quote of another nonce, channel, agent or key, one that was altered, and values that weren't quoted")
    func quotes() throws {
        func answer(_ change: (inout Evidence, SimulatedHost, Challenge) throws -> Void) throws -> [String] {
            let bench = try Stage.awaitingEvidence.bench()
            var evidence = try bench.host.evidence(bench.challenge)
            try change(&evidence, bench.host, bench.challenge)
            let lines = bench.receive(.evidence(evidence))
            #expect(try bench.shard(0..<1).isEmpty == (bench.status != nil))
            return lines
        }
        func bound(
            _ evidence: inout Evidence, _ host: SimulatedHost, _ challenge: Challenge, nonce: [UInt8]? = nil,
            id: [UInt8] = SimulatedHost.id, exporter: [UInt8] = SimulatedHost.exporter, pcrs: PCRSet? = nil,
            tpm: SyntheticTPM? = nil
        ) throws {
            let data = QuoteBinding.qualifyingData(
                nonce: nonce ?? challenge.nonce, agentID: id, attestationKeyName: try host.tpm.attestationKey().name,
                exporter: exporter)
            let selection = PCRSelection(banks: challenge.banks, pcrs: pcrs ?? challenge.pcrs)
            let quote = try (tpm ?? host.tpm).quote(
                qualifyingData: data, selection: selection, values: host.log.values(Array(0..<24)), clock: host.clock)
            (evidence.attest, evidence.signature, evidence.pcrValues) = (quote.attest, quote.signature, quote.pcrValues)
        }
        let refused = ["close UNAUTHENTICATED"]
        let zeros = [UInt8](repeating: 0, count: 32)
        #expect(try answer { try bound(&$0, $1, $2) } == ["note quoted", "expect LogShard in 30 s"])
        #expect(try answer { try bound(&$0, $1, $2, nonce: zeros) } == refused)
        #expect(try answer { try bound(&$0, $1, $2, id: Array("host-2".utf8)) } == refused)
        #expect(try answer { try bound(&$0, $1, $2, exporter: zeros) } == refused)
        #expect(try answer { try bound(&$0, $1, $2, pcrs: PCRSet([10])) } == refused)
        #expect(try answer { try bound(&$0, $1, $2, tpm: SyntheticTPM()) } == refused)
        #expect(try answer { evidence, _, _ in evidence.attest[60] ^= 1 } == refused)
        #expect(try answer { evidence, _, _ in evidence.signature[10] ^= 1 } == refused)
        #expect(try answer { evidence, _, _ in evidence.attest = [] } == refused)
        #expect(try answer { evidence, _, _ in evidence.signature = [] } == refused)
        #expect(
            try answer { evidence, _, _ in evidence.pcrValues[.sha256, 10] = Digest(repeating: 1, count: 32) }
                == refused)
        #expect(try answer { evidence, _, _ in evidence.pcrValues[.sha256, 3] = nil } == refused)
    }

    @Test("a log that ends before the record asked for, or is over the limit")
    func ranges() throws {
        let short = try Bench(measured: "a", "b")
        _ = try short.attest()
        short.connect()
        _ = try short.hello()
        _ = try short.load()
        #expect(try short.evidence { $0.logEnd = 2 } == ["close OUT_OF_RANGE"])
        let long = try Stage.awaitingEvidence.bench()
        #expect(try long.evidence { $0.logBytes = (4 << 30) + 1 } == ["close OUT_OF_RANGE"])
    }
}

@Suite("A shard is refused") struct ShardRuleTests {
    @Test("if it isn't what was asked for")
    func faults() throws {
        let changes: [(String, (inout LogShard) -> Void)] = [
            ("begins far off", { $0.firstRecord = .max }),
            ("counts one too few", { $0.recordCount -= 1 }),
            ("counts one too many", { $0.recordCount += 1 }),
            ("counts beyond the end", { $0.recordCount = .max }),
            ("cuts a record", { $0.records.removeLast() }),
            ("has a byte too many", { $0.records.append(0) }),
            ("says that it is the last", { $0.moreDataPending = false }),
            ("is empty and not the last", { ($0.recordCount, $0.records) = (0, []) }),
            ("counts records and has none", { $0.records = [] }),
            ("is larger than asked", { $0.records += [UInt8](repeating: 0, count: 1 << 20) }),
        ]
        for (fault, change) in changes {
            let bench = try RefusalTests.Stage.awaitingShard.bench()
            #expect(try bench.shard(0..<2, change) == ["close INVALID_ARGUMENT"], "\(fault)")
            #expect(bench.outcome == nil, "\(fault)")
        }
        let last = try RefusalTests.Stage.awaitingShard.bench()
        #expect(try last.shard(0..<3) { $0.moreDataPending = true } == ["close INVALID_ARGUMENT"])
        let again = try RefusalTests.Stage.awaitingShard.bench()
        _ = try again.shard(0..<1)
        #expect(try again.shard(0..<1) == ["close INVALID_ARGUMENT"])
    }

    @Test("beyond the log's limit, whatever Evidence announced")
    func logLimit() throws {
        let bench = try RefusalTests.Stage.awaitingHello.bench()
        bench.settings.maximumLogBytes = UInt64(bench.host.log.bytes.count - 1)
        bench.connect()
        _ = try bench.hello()
        _ = try bench.load()
        _ = try bench.evidence { $0.logBytes = 1 }
        #expect(try bench.shard(0..<1).last == "send ShardCredit 1 next 1")
        #expect(try bench.shard(1..<3) == ["close RESOURCE_EXHAUSTED"])
    }

    @Test("but one large record may be larger than asked")
    func largeRecord() throws {
        for count in [0, 1] {
            var host = try SimulatedHost()
            host.log.buffer("large", [UInt8](repeating: 1, count: 100_000))
            let bench = try Bench(host)
            bench.settings.shardBytes = 1 << 16
            bench.connect()
            _ = try bench.hello()
            _ = try bench.load()
            _ = try bench.evidence()
            // With boot_aggregate before it, it isn't alone.
            if count == 0 {
                #expect(try bench.shard(0..<2) == ["close INVALID_ARGUMENT"])
            } else {
                _ = try bench.shard(0..<1)
                #expect(try bench.shard(1..<2).last?.hasPrefix("commit") == true)
            }
        }
    }

    @Test("unless it belongs to a round that was given up: then it is dropped")
    func stale() throws {
        let bench = try Bench(measured: "a", "b")
        _ = try bench.attest()
        bench.host.reboot()
        bench.host.measure("a", "b", "c")
        bench.connect()
        _ = try bench.hello { $0.resetCount = 5 }
        _ = try bench.load()
        let old = try bench.host.shard(1, 3..<4)
        #expect(try bench.evidence() == ["note quoted", "note new epoch 6", "load"])
        #expect(bench.receive(.logShard(old)).isEmpty)
        #expect(try bench.load().last == "send Challenge 2 from 0")
        // Any message meets a deadline, so it is set again.
        #expect(bench.receive(.logShard(old)) == ["expect Evidence in 60 s"])
        _ = try bench.evidence()
        #expect(bench.receive(.logShard(old)) == ["expect LogShard in 30 s"])
        #expect(try bench.shard(0..<4) == ["note shard", "commit affirming, next 4"])
        #expect(bench.receive(.logShard(old)).isEmpty)
        #expect(bench.commit().first == "send AttestationResult 2 affirming next 4")
    }

    @Test("also late ones, if they are more than were ever in flight")
    func tooManyStale() throws {
        let bench = try RefusalTests.Stage.awaitingNextRound.bench()
        let old = try bench.host.shard(1, 0..<1)
        for _ in 0..<8 { #expect(bench.receive(.logShard(old)).isEmpty) }
        #expect(bench.receive(.logShard(old)) == ["close INVALID_ARGUMENT"])
    }

    @Test("and one whose record can't be delimited ends the round: the verdict says where, and no shard is awaited")
    func malformed() throws {
        let bench = try RefusalTests.Stage.awaitingShard.bench()
        _ = try bench.shard(0..<1)
        #expect(
            try bench.shard(1..<2) { shard in
                for index in 24..<28 { shard.records[index] = 0xff }  // the length of the template's name
            } == ["note shard", "commit contraindicated, position kept, parse_error, pcr_mismatch"])
        #expect(bench.commit() == ["send AttestationResult 1 contraindicated next 0", "wait 60 s"])
        #expect(bench.result?.findings.map(\.record) == [1, nil])
        #expect(try bench.shard(2..<3).isEmpty)
        #expect(bench.roundDue() == ["load"])
    }
}
