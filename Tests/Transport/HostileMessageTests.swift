import AssayCrypto
import Messages
import NIOCore
import TPM
import Testing

@testable import Transport

/// Protobuf by hand, to say what our own encoder never would.
private enum Wire {
    static func varint(_ value: UInt64) -> [UInt8] {
        var value = value
        var bytes: [UInt8] = []
        while value > 0x7f {
            bytes.append(UInt8(value & 0x7f) | 0x80)
            value >>= 7
        }
        return bytes + [UInt8(value)]
    }

    static func number(_ field: UInt64, _ value: UInt64) -> [UInt8] { varint(field << 3) + varint(value) }

    static func bytes(_ field: UInt64, _ content: [UInt8]) -> [UInt8] {
        varint(field << 3 | 2) + varint(UInt64(content.count)) + content
    }
}

private func agentError(_ bytes: [UInt8]) -> MessageError? {
    #expect(throws: MessageError.self) { try AgentMessage(bytes) }
}

private func verifierError(_ bytes: [UInt8]) -> MessageError? {
    #expect(throws: MessageError.self) { try VerifierMessage(bytes) }
}

@Suite("Hostile messages") struct HostileMessageTests {
    @Test("without a body") func empty() {
        #expect(agentError([]) == MessageError(.empty, in: "AgentMessage"))
        #expect(verifierError([]) == MessageError(.empty, in: "VerifierMessage"))
    }

    @Test("with a body that only a newer version knows") func unknownBody() {
        let error = agentError(Wire.bytes(77, [1, 2]))
        #expect(error == MessageError(.unknownMessage(77), in: "AgentMessage"))
        #expect(error?.status.code == .unimplemented)
        #expect(verifierError(Wire.bytes(8, [])) == MessageError(.unknownMessage(8), in: "VerifierMessage"))
    }

    @Test("with several bodies, of one kind or two") func severalBodies() {
        let shard = Wire.bytes(3, Wire.number(1, 1))
        #expect(agentError(shard + shard) == MessageError(.severalBodies, in: "AgentMessage"))
        #expect(agentError(shard + Wire.bytes(4, [])) == MessageError(.severalBodies, in: "AgentMessage"))
        let many = [[UInt8]](repeating: [0x1a, 0, 0x22, 0], count: 250_000).flatMap { $0 }
        #expect(agentError(many) == MessageError(.severalBodies, in: "AgentMessage"))
    }

    @Test(
        "that are no protobuf",
        arguments: [
            [0x1a, 0x80], [0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x1a, 1],  // lengths: cut, 2^32, past the end
            [0x1a] + [UInt8](repeating: 0xff, count: 9) + [1],  // 2^64 - 1
            [0x1a] + [UInt8](repeating: 0x80, count: 12),  // a varint of 12 bytes
            [0x1b, 0x1c], [0x1e, 0], [0x1f, 0],  // groups, wire types 6 and 7
            [0x18, 1], [0x1d, 0, 0, 0, 0],  // a body as a number
            [0x02, 0],  // field number 0
            [0x12, 2, 0x0a, 9], [0x12, 2, 0x0a, 0], [0x12, 1, 0x08],  // the same inside a body
        ] as [[UInt8]])
    func malformed(bytes: [UInt8]) {
        #expect(agentError(bytes) == MessageError(.malformed, in: "AgentMessage"))
    }

    @Test(
        "that are no shard",
        arguments: [
            [0x1a, 2, 0x22, 9], [0x1a, 2, 0x0a, 0], [0x1a, 1, 0x08], [0x1a, 2, 0x20, 1],
            [0x1a, 11, 0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] as [[UInt8]])
    func malformedShard(bytes: [UInt8]) {
        #expect(agentError(bytes) == MessageError(.malformed, in: "LogShard"))
    }

    @Test("whose records stand there twice, or not at all, read as in any protobuf") func recordsOfAShard() throws {
        func shard(_ fields: [UInt8]) throws -> AgentMessage { try AgentMessage(Wire.bytes(3, fields)) }
        let (first, last, round) = (Wire.bytes(4, [1, 2]), Wire.bytes(4, [3]), Wire.number(1, 7))
        func expected(_ records: [UInt8]) -> AgentMessage {
            .logShard(
                LogShard(
                    round: 7, firstRecord: 0, recordCount: 0, records: records, moreDataPending: false,
                    recordsRemaining: 0, bytesRemaining: 0))
        }
        #expect(try shard(first + round + last) == expected([3]))
        #expect(try shard(round + first) == expected([1, 2]))
        #expect(try shard(round) == expected([]))
    }

    @Test("cut anywhere never trap, and never pass", arguments: Samples.fromAgent)
    func everyCut(message: AgentMessage) throws {
        let bytes = try message.serialized
        for length in 0..<bytes.count {
            #expect(throws: MessageError.self) { try AgentMessage(Array(bytes.prefix(length))) }
        }
    }

    @Test("with any byte changed never trap", arguments: Samples.fromVerifier)
    func everyByteChanged(message: VerifierMessage) throws { try changeEveryByte(of: message) }

    @Test("from an agent, with any byte changed never trap", arguments: Samples.fromAgent)
    func everyByteChanged(message: AgentMessage) throws { try changeEveryByte(of: message) }

    private func changeEveryByte<Message: WireMessage>(of message: Message) throws {
        var bytes = try message.serialized
        for index in bytes.indices {
            let original = bytes[index]
            for value in [0, 1, 0x7f, 0x80, 0xff, original ^ 1, original ^ 0x80] as [UInt8] {
                bytes[index] = value
                _ = try? Message(bytes)
            }
            bytes[index] = original
        }
    }

    @Test("that would take 45 times their size in memory are stopped by the budget") func budget() {
        let unknown = [[UInt8]](repeating: [0x78, 0], count: 500_000).flatMap { $0 }  // field 15, two bytes each
        let empty = [[UInt8]](repeating: [0x22, 0], count: 500_000).flatMap { $0 }  // Evidence.pcr_values
        for (body, content, place) in [(UInt64(3), unknown, "LogShard"), (2, empty, "AgentMessage")] {
            let bytes = Wire.bytes(body, content)
            let budget = UnpackBudget.size(frameLength: place == "LogShard" ? content.count : bytes.count)
            let error = agentError(bytes)
            #expect(error == MessageError(.overBudget(budget), in: place))
            #expect(error?.status.code == .resourceExhausted)
        }
    }

    @Test("with very long lists are refused") func longLists() {
        let packed = Wire.bytes(1, Wire.bytes(6, [UInt8](repeating: 4, count: 100_000)))
        #expect(
            agentError(packed) == MessageError(.length(100_000, allowed: 0...FieldLimits.list), in: "Hello.banks"))
        let values = (0...FieldLimits.pcrValues).flatMap { _ in Wire.bytes(4, []) }
        #expect(
            agentError(Wire.bytes(2, values))
                == MessageError(.length(97, allowed: 0...FieldLimits.pcrValues), in: "Evidence.pcr_values"))
        let findings = (0...FieldLimits.findings).flatMap { _ in Wire.bytes(6, []) }
        #expect(
            verifierError(Wire.bytes(3, findings))
                == MessageError(.length(101, allowed: 0...FieldLimits.findings), in: "AttestationResult.findings"))
    }

    @Test("with text that isn't UTF-8, or hides something behind a NUL") func text() {
        for bad in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x61, 0xe2, 0x82]] as [[UInt8]] {
            #expect(
                agentError(Wire.bytes(4, Wire.bytes(2, bad))) == MessageError(.notUTF8, in: "Status.message"))
        }
        for bad in [[0], [0, 0x61], [0x61, 0], [0x61, 0, 0x62]] as [[UInt8]] {
            #expect(
                agentError(Wire.bytes(4, Wire.bytes(2, bad))) == MessageError(.embeddedNUL, in: "Status.message"))
        }
        let reason = Wire.bytes(3, Wire.bytes(7, Wire.bytes(1, [0x61, 0])))
        #expect(verifierError(reason) == MessageError(.embeddedNUL, in: "ReasonCount.reason"))
        let remedy = Wire.bytes(3, Wire.bytes(6, Wire.bytes(6, [0x80])))
        #expect(verifierError(remedy) == MessageError(.notUTF8, in: "Finding.remedy"))
    }

    @Test("with a field of a wrong length") func lengths() {
        func hello(_ field: UInt64, _ count: Int) -> [UInt8] {
            Wire.bytes(1, Wire.number(10, 4) + Wire.bytes(field, [UInt8](repeating: 1, count: count)))
        }
        #expect(throws: Never.self) { try AgentMessage(hello(2, 255)) }
        #expect(agentError(hello(2, 256)) == MessageError(.length(256, allowed: 0...255), in: "Hello.agent_id"))
        #expect(agentError(hello(3, 67))?.place == "Hello.ak_name")
        #expect(agentError(hello(13, 65))?.place == "Hello.boot_id")
        #expect(agentError(hello(14, 65))?.place == "Hello.software_version")
        for count in [0, 31, 33] {
            let challenge = Wire.bytes(1, Wire.bytes(2, [UInt8](repeating: 1, count: count)))
            #expect(
                verifierError(challenge) == MessageError(.length(count, allowed: 32...32), in: "Challenge.nonce"))
            let join = Wire.bytes(8, Wire.bytes(2, [UInt8](repeating: 1, count: count)))
            #expect(agentError(join)?.place == "JoinRequest.token_hash")
        }
        let policy = Wire.bytes(3, Wire.bytes(9, [1]))
        #expect(verifierError(policy)?.place == "AttestationResult.policy_sha256")
        let key = Wire.bytes(3, Wire.bytes(8, Wire.bytes(2, Wire.bytes(1, [1, 2, 3]))))
        #expect(verifierError(key) == MessageError(.length(3, allowed: 4...4), in: "KeyringKey.key_id"))
    }

    @Test("with PCR values that fit no bank") func pcrValues() {
        func value(_ bank: UInt64, _ index: UInt64, _ count: Int) -> [UInt8] {
            Wire.bytes(
                4, Wire.number(1, bank) + Wire.number(2, index) + Wire.bytes(3, [UInt8](repeating: 1, count: count)))
        }
        let good = value(11, 9, 32)
        #expect(throws: Never.self) { try AgentMessage(Wire.bytes(2, good)) }
        let bad: [([UInt8], MessageError)] = [
            (value(11, 10, 20), MessageError(.length(20, allowed: 32...32), in: "PcrValue.value")),
            (value(11, 24, 32), MessageError(.value(24), in: "PcrValue.index")),
            (value(0x12, 1, 32), MessageError(.value(0x12), in: "PcrValue.bank")),
            (value(0x1_000b, 1, 32), MessageError(.value(0x1_000b), in: "PcrValue.bank")),
            (good, MessageError(.duplicate(9), in: "PcrValue.index")),
        ]
        for (bytes, error) in bad { #expect(agentError(Wire.bytes(2, good + bytes)) == error) }
    }

    @Test("with banks, PCRs and enumerations out of range") func ranges() throws {
        let nonce = Wire.bytes(2, [UInt8](repeating: 1, count: 32))
        #expect(
            verifierError(Wire.bytes(1, nonce + Wire.number(3, 0x12)))
                == MessageError(.value(0x12), in: "Challenge.banks"))
        #expect(
            verifierError(Wire.bytes(1, nonce + Wire.number(3, 4) + Wire.number(3, 4)))
                == MessageError(.duplicate(4), in: "Challenge.banks"))
        #expect(
            verifierError(Wire.bytes(1, nonce + Wire.number(4, 24))) == MessageError(.value(24), in: "Challenge.pcrs"))
        #expect(
            verifierError(Wire.bytes(3, Wire.number(2, 4))) == MessageError(.value(4), in: "AttestationResult.tier"))
        let column = Wire.number(10, 4)
        #expect(
            agentError(Wire.bytes(1, column + Wire.number(8, 2))) == MessageError(.value(2), in: "Hello.byte_order"))
        #expect(
            agentError(Wire.bytes(1, column + Wire.number(8, UInt64(UInt32.max))))
                == MessageError(.value(UInt64(UInt32.max)), in: "Hello.byte_order"))
        #expect(agentError(Wire.bytes(1, [])) == MessageError(.value(0), in: "Hello.column_algorithm"))
        #expect(
            agentError(Wire.bytes(1, column + Wire.number(7, UInt64(UInt32.max))))
                == MessageError(.value(UInt64(UInt32.max)), in: "Hello.pcrs"))
    }

    @Test("banks that Assay doesn't replay are left out of Hello") func unknownBanksInHello() throws {
        let banks = Wire.number(6, 0x12) + Wire.number(6, 11) + Wire.number(6, 0x1_0004) + Wire.number(6, 4)
        guard case .hello(let hello) = try AgentMessage(Wire.bytes(1, Wire.number(10, 4) + banks)) else {
            Issue.record("not a Hello")
            return
        }
        #expect(hello.banks == [.sha256, .sha1])
    }
}
