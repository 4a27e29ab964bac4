import AssayCrypto
import Testing

@testable import IMA

@Suite("A snapshot_aggregate") struct SnapshotAggregateTests {
    private static let sha1 = String(repeating: "1a", count: 20)
    private static let sha256 = String(repeating: "2b", count: 32)

    private func record(_ text: String, name: String) -> [UInt8] {
        let buffer = Array(text.utf8)
        let digest = PCRBank.sha256.digest(of: buffer).bytes
        return Records.record(
            "ima-buf",
            Records.field(Array("sha256:".utf8) + [0] + digest) + Records.field(Array(name.utf8) + [0])
                + Records.field(buffer))
    }

    private func read(_ text: String, name: String = "snapshot_aggregate") throws -> SnapshotAggregate? {
        let bytes = record(text, name: name)
        var reader = RecordReader(bytes.span, format: LogFormat())
        let record = try #require(try reader.next())
        return SnapshotAggregate(record, in: bytes.span)
    }

    @Test("tells the PCRs of each bank, with either version's counters", arguments: ["", "PCR_Counter=7;"])
    func read(counter: String) throws {
        let aggregate = try #require(
            try read(
                counter + "Snapshot_Attempt_Count=3;sha1:PCR0:\(Self.sha1),sha1:PCR10:\(Self.sha1);"
                    + "sha256:PCR10:\(Self.sha256);"))
        #expect(
            aggregate.claims.map(\.description) == [
                "sha1 PCR 0 \(Self.sha1)", "sha1 PCR 10 \(Self.sha1)", "sha256 PCR 10 \(Self.sha256)",
            ])
    }

    @Test(
        "that isn't one claims nothing",
        arguments: [
            "", ";", "PCR_Counter=7;", "sha256:PCR10:", "sha256:PCR10:zz;", "sha256:PCR10:\(sha1);",
            "sha256:PCR24:\(sha256);", "sha256:PCR-1:\(sha256);", "sha256:10:\(sha256);", "sha256:PCR10;", "what;",
            "sha256:PCR10:\(sha256),sha256:PCR10:\(sha256);", "sha256:PCR10:\(sha256):;", "md5:PCR10:\(sha1);",
            "0\u{1}=;sha256:PCR10:\(sha256);", "=1;sha256:PCR10:\(sha256);", "a=b;sha256:PCR10:\(sha256);",
            "0\u{1}:PCR0:\(sha256);sha256:PCR10:\(sha256);",
        ])
    func malformed(text: String) throws {
        #expect(try read(text) == nil)
    }

    @Test("is known by its name, and a bank that can't be replayed is passed over")
    func names() throws {
        let text = "sm3_512:PCR10:\(Self.sha256);sha256:PCR10:\(Self.sha256);"
        #expect(try read(text)?.claims.count == 1)
        #expect(try read(text, name: "snapshot_aggregate2") == nil)
    }

    @Test(
        "A kexec's count is read of numbers alone",
        arguments: [
            ("ima_runtime_measurements_count=7;", 7),
            ("kexec_segment_size=4096;ima_binary_runtime_size=9;ima_runtime_measurements_count=12;", 12),
            ("ima_runtime_measurements_count=7;later=1;", 7), ("", nil), (";", nil), ("a=1;", nil),
            ("ima_runtime_measurements_count=7", nil), ("ima_runtime_measurements_count=-7;", nil),
            ("ima_runtime_measurements_count=99999999999999999999;", nil),
            ("ima_runtime_measurements_count=7;ima_runtime_measurements_count=8;", nil),
            ("0=;ima_runtime_measurements_count=7;", nil), ("0;ima_runtime_measurements_count=7;", nil),
            ("a=1;;ima_runtime_measurements_count=7;", nil), ("0\u{1}\u{2}=1;ima_runtime_measurements_count=7;", nil),
        ] as [(String, UInt64?)])
    func kexecCounts(text: String, counted: UInt64?) throws {
        for (name, isOne) in [("kexec_load", true), ("kexec_execute", true), ("kexec", false)] {
            let bytes = record(text, name: name)
            var reader = RecordReader(bytes.span, format: LogFormat())
            let record = try #require(try reader.next())
            let counts = KexecCounts(record, in: bytes.span)
            #expect(counts?.counted == (isOne ? counted : nil), "\(name) \(text)")
        }
    }

    @Test("is held to the replay in each PCR that is replayed, under any form that is still possible")
    func contradiction() throws {
        let aggregate = try #require(
            try read("sha1:PCR10:\(Self.sha1);sha256:PCR0:\(Self.sha256);sha256:PCR10:\(Self.sha256);"))
        let (right, wrong) = (Digest(repeating: 0x2b, count: 32), Digest(repeating: 3, count: 32))
        func lane(_ value: Digest, _ forms: PaddingForms = .own) -> PCRReplay.Lane {
            PCRReplay.Lane(bank: .sha256, pcr: 10, forms: forms, value: value)
        }
        #expect(aggregate.contradiction(by: [lane(right)]) == nil && aggregate.isBorneOut(by: [lane(right)]))
        #expect(aggregate.isBorneOut(by: [lane(wrong), lane(right, .padded)]))
        let found = try #require(aggregate.contradiction(by: [lane(wrong)]))
        #expect(found.claim.description == "sha256 PCR 10 \(Self.sha256)" && found.replayed == wrong)
        // Nothing to compare is no contradiction, and bears nothing out.
        #expect(aggregate.contradiction(by: []) == nil && !aggregate.isBorneOut(by: []))
    }
}
