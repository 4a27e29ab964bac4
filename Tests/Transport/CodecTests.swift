import AssayCrypto
import Messages
import NIOCore
import TPM
import Testing

@testable import Transport

/// One message of each kind, with every field set.
enum Samples {
    static let hello = Hello(
        agentID: Array("web-1".utf8), attestationKeyName: [0, 11] + [UInt8](repeating: 3, count: 32), firstRecord: 7,
        nextRecord: .max, banks: [.sha256, .sha1], pcrs: PCRSet([10, 11, 23]), isBigEndian: true,
        maximumShardBytes: 1 << 20, columnAlgorithm: .sha384, resetCount: 4, restartCount: 5, bootID: [1, 2],
        softwareVersion: Array("1.0".utf8))

    static let evidence = Evidence(
        round: 3, attest: [UInt8](0..<145), signature: [9, 8, 7], pcrValues: values(), logEnd: 1000, logBytes: .max)

    static let shard = LogShard(
        round: 3, firstRecord: 10, recordCount: 2, records: [UInt8](0...255), moreDataPending: true,
        recordsRemaining: 99, bytesRemaining: 12_345)

    static let status = Status(.outOfRange, "no record 7: ask for 9 — ∞", retryAfterSeconds: 60, round: 2)

    static let challenge = Challenge(
        round: 1, nonce: [UInt8](repeating: 5, count: 32), banks: [.sha256], pcrs: PCRSet(0..<11), firstRecord: 42,
        shardBytes: 1 << 20, window: 4)

    static let result = AttestationResult(
        round: 3, tier: .contraindicated, nextRecord: 50, recordsAppraised: 8, excessRecords: 2,
        findings: [
            ReportedFinding(
                reason: "not_in_policy", record: 0, path: [0xff, 0, 0x41], found: "a", expected: "b", remedy: "c",
                isWarning: true),
            ReportedFinding(
                reason: "pcr_mismatch", record: nil, path: [], found: "", expected: "", remedy: "", isWarning: false),
        ],
        findingCounts: [ReasonCount(reason: "not_in_policy", count: 12)],
        keyrings: [
            ReportedKeyring(
                name: Array(".ima".utf8), keys: [ReportedKey(keyID: [1, 2, 3, 4], subject: [5], record: 6)]),
            ReportedKeyring(name: [], keys: []),
        ],
        policySHA256: [UInt8](repeating: 1, count: 32), signaturesVerified: 3, nextRoundSeconds: 300)

    static let join = JoinRequest(
        tokenHash: [UInt8](repeating: 1, count: 32), agentID: [2], endorsementKeyPublic: [3], attestationKeyPublic: [4],
        endorsementKeyCertificate: [5], certificateRequest: [6], proof: [UInt8](repeating: 7, count: 32))

    static let fromAgent: [AgentMessage] = [
        .hello(hello),
        .hello(Hello(agentID: [], attestationKeyName: [], nextRecord: 0, banks: [], maximumShardBytes: 0)),
        .evidence(evidence),
        .evidence(Evidence(round: 0, attest: [], signature: [], pcrValues: PCRValues(), logEnd: 0, logBytes: 0)),
        .logShard(shard), .logShard(emptyShard), .status(status), .status(Status(.ok, "")),
        .renewRequest(RenewRequest(certificateRequest: [1, 2, 3])), .joinRequest(join),
        .credentialResponse(CredentialResponse(secret: Secret([4, 5]))),
    ]

    static let fromVerifier: [VerifierMessage] = [
        .challenge(challenge), .shardCredit(ShardCredit(round: 1, nextRecord: 2, window: 3)),
        .attestationResult(result), .attestationResult(AttestationResult(round: 1, tier: .none, nextRecord: 0)),
        .status(status),
        .certificateIssued(CertificateIssued(agentID: [1], certificates: [[2, 3], []], authorities: [[4]])),
        .certificateIssued(CertificateIssued(agentID: [1], certificates: [], authorities: [], refusal: status)),
        .credentialChallenge(CredentialChallenge(credentialBlob: [1], encryptedSecret: [2])),
    ]

    static let emptyShard = LogShard(
        round: 1, firstRecord: 5, recordCount: 0, records: [], moreDataPending: false, recordsRemaining: 0,
        bytesRemaining: 0)

    private static func values() -> PCRValues {
        var values = PCRValues()
        for bank in PCRBank.allCases {
            for index in 0..<24 { values[bank, index] = Digest(repeating: UInt8(index), count: bank.digestSize) }
        }
        return values
    }
}

extension WireMessage {
    var serialized: [UInt8] {
        get throws {
            var buffer = ByteBuffer()
            try serialize(into: &buffer, limit: 4 << 20)
            return Array(buffer.readableBytesView)
        }
    }

    init(_ bytes: [UInt8]) throws(MessageError) {
        try self.init(ByteBuffer(bytes: bytes))
    }
}

@Suite("Messages on the wire") struct CodecTests {
    @Test("what an agent sends comes back equal", arguments: Samples.fromAgent)
    func agent(message: AgentMessage) throws {
        #expect(try AgentMessage(message.serialized) == message)
    }

    @Test("what a verifier sends comes back equal", arguments: Samples.fromVerifier)
    func verifier(message: VerifierMessage) throws {
        #expect(try VerifierMessage(message.serialized) == message)
    }

    @Test("certificates of 12 KiB and signatures of 4.7 KiB are within the bounds, a first message's, too")
    func largeFields() throws {
        let certificate = [UInt8](repeating: 1, count: 12 << 10)
        var join = Samples.join
        join.endorsementKeyCertificate = certificate
        join.certificateRequest = certificate
        var evidence = Samples.evidence
        evidence.signature = [UInt8](repeating: 2, count: 4813)
        for message in [AgentMessage.joinRequest(join), .evidence(evidence)] {
            #expect(try AgentMessage(message.serialized) == message)
            #expect(try message.serialized.count <= TransportLimits().firstMessageBytes)
        }
        let issued = CertificateIssued(agentID: [1], certificates: [certificate], authorities: [certificate])
        let message = VerifierMessage.certificateIssued(issued)
        #expect(try VerifierMessage(message.serialized) == message)
        // What a credential for ML-KEM-1024 takes.
        let challenge = CredentialChallenge(
            credentialBlob: [1], encryptedSecret: [UInt8](repeating: 1, count: 1570))
        let credential = VerifierMessage.credentialChallenge(challenge)
        #expect(try VerifierMessage(credential.serialized) == credential)
    }

    @Test("a frame is flags, length, message", arguments: Samples.fromAgent)
    func frame(message: AgentMessage) throws {
        let frame = Array(try message.frame(limit: 4 << 20).readableBytesView)
        let bytes = try message.serialized
        #expect(frame == [0, 0, 0, UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes)
    }

    @Test("the bytes are those of any protobuf library") func reference() throws {
        // Field 3 (LogShard): round 1, first_record 300, records "ab".
        let shard = LogShard(
            round: 1, firstRecord: 300, recordCount: 0, records: Array("ab".utf8), moreDataPending: true,
            recordsRemaining: 0, bytesRemaining: 0)
        let bytes: [UInt8] = [0x1a, 0x0b, 0x08, 1, 0x10, 0xac, 0x02, 0x22, 2, 0x61, 0x62, 0x28, 1]
        #expect(try AgentMessage.logShard(shard).serialized == bytes)
        #expect(try AgentMessage(bytes) == .logShard(shard))
    }

    @Test("a message over the frame's limit is not sent") func tooLarge() throws {
        var shard = Samples.shard
        shard.records = [UInt8](repeating: 0, count: 1000)
        var buffer = ByteBuffer()
        let error = #expect(throws: MessageError.self) {
            try AgentMessage.logShard(shard).serialize(into: &buffer, limit: 1000)
        }
        guard case .tooLarge(let length, 1000) = error?.code else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(length > 1000)
        #expect(buffer.readableBytes == 0)
    }

    @Test("text with a NUL is sent escaped, so that nothing behind it is lost") func nulInText() throws {
        let sent = VerifierMessage.status(Status(.unknown, "a\0b"))
        #expect(try VerifierMessage(sent.serialized) == .status(Status(.unknown, "a\\x00b")))
    }

    /// What a peer might forge a line of a log with.
    private static let forged = "denied\n2026-11-30 info agent joined\u{1b}[2J\u{202e}"
    private static let shown = "denied\\n2026-11-30 info agent joined\\x1b[2J\\xe2\\x80\\xae"

    @Test("a peer's words are escaped and cut where they are read, on both sides") func hostileText() throws {
        for length in [0, 1, 1024, 4 << 20 - 1000] {
            let sent = Status(.aborted, Self.forged + String(repeating: "x", count: length))
            guard case .status(let one) = try AgentMessage(AgentMessage.status(sent).serialized),
                case .status(let other) = try VerifierMessage(VerifierMessage.status(sent).serialized)
            else { throw MessageError(.empty, in: "test") }
            #expect(one == other && one.message.hasPrefix(Self.shown) && one.message.utf8.count <= 1024)
            #expect(
                length < 1000
                    ? one.message.hasSuffix("ae" + String(repeating: "x", count: length))
                    : one.message.hasSuffix("x..."))
        }
        let finding = ReportedFinding(
            reason: Self.forged, record: 1, path: Array(Self.forged.utf8), found: Self.forged, expected: Self.forged,
            remedy: Self.forged, isWarning: false)
        var sent = AttestationResult(
            round: 1, tier: .none, nextRecord: 0, findings: [finding],
            findingCounts: [ReasonCount(reason: Self.forged, count: 1)], identity: Self.forged)
        guard
            case .attestationResult(let result) = try VerifierMessage(
                VerifierMessage.attestationResult(sent).serialized)
        else { throw MessageError(.empty, in: "test") }
        let read = try #require(result.findings.first)
        #expect([read.reason, read.found, read.expected, read.remedy].allSatisfy { $0 == Self.shown })
        #expect(result.identity == Self.shown && result.findingCounts.first?.reason == Self.shown)
        // A name stays bytes, which whoever shows it escapes.
        #expect(read.path == finding.path)
        sent.findings[0].path = [UInt8](repeating: 1, count: 4097)
        #expect(throws: MessageError(.length(4097, allowed: 0...4096), in: "Finding.path")) {
            _ = try VerifierMessage(VerifierMessage.attestationResult(sent).serialized)
        }
    }

    @Test("a status code of a newer version is UNKNOWN") func newerStatus() throws {
        #expect(try VerifierMessage([0x22, 3, 0x08, 0xe7, 0x07]) == .status(Status(.unknown, "")))
    }

    @Test("unknown fields are ignored, in the envelope and in the body") func unknownFields() throws {
        let credit = VerifierMessage.shardCredit(ShardCredit(round: 1, nextRecord: 2, window: 3))
        var bytes = try credit.serialized
        let unknown: [UInt8] = [0xf8, 0x07, 5, 0xf9, 0x07] + [UInt8](repeating: 1, count: 8) + [0xfa, 0x07, 1, 9]
        bytes[1] += UInt8(unknown.count)
        #expect(try VerifierMessage(unknown + bytes + unknown + unknown) == credit)
    }
}
