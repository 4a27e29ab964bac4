import AssayCrypto
import Bytes
import IMA
import SystemPackage
import Testing

@testable import Shards

@Suite("A shard's name") struct ShardNameTests {
    @Test("says first record and count, and sorts as the log goes")
    func names() {
        let names = [(0, 5260), (5260, 1), (10_000, 99_999_999), (123_456_789_012, 7)].map {
            ShardName(first: UInt64($0.0), count: UInt64($0.1))
        }
        #expect(names[0].text == "0000000000000000-00005260.shard")
        #expect(names.map(\.text).sorted() == names.map(\.text))
        for name in names { #expect(ShardName(name.text) == name) }
    }

    @Test(
        "is nothing else",
        arguments: [
            "", ".shard", "index", "0-1.shard", "0000000000000000-00000000.shard", "0000000000000000-00005260",
            "0000000000000000-00005260.shard.partial", ".0000000000000000-00005260.shard.partial",
            "000000000000000a-00005260.shard", "0000000000000000_00005260.shard", "0000000000000000-00005260-.shard",
            "+000000000000000-00005260.shard", "00000000000000000-0005260.shard",
        ])
    func others(text: String) { #expect(ShardName(text) == nil) }

    @Test("of a folder is the TPM's count of boots")
    func epochs() {
        #expect(BootEpoch(resetCount: 2).folder == "0000000002")
        #expect(BootEpoch(folder: "4294967295") == BootEpoch(resetCount: .max))
        for text in ["", "2", "4294967296", "000000000x", "-000000002", ".0000000002.removed"] {
            #expect(BootEpoch(folder: text) == nil)
        }
    }
}

@Suite("A shard index") struct ShardIndexTests {
    static func entry(_ first: UInt64, _ count: UInt64, bytes: UInt64 = 100) -> ShardEntry {
        ShardEntry(
            name: ShardName(first: first, count: count), bytes: bytes, sha256: Digest(repeating: 7, count: 32),
            lanes: [
                PCRReplay.Lane(bank: .sha256, pcr: 10, forms: .own, value: Digest(repeating: 1, count: 32)),
                PCRReplay.Lane(
                    bank: .sha256, pcr: 10, forms: [.padded, .paddedViolations],
                    value: Digest(repeating: 2, count: 32)),
            ])
    }

    private func add(_ line: ShardIndex.Line, to index: inout ShardIndex) {
        let isNext = index.apply(line)
        #expect(isNext)
    }

    private func index() -> ShardIndex {
        var index = ShardIndex(epoch: BootEpoch(resetCount: 2), format: LogFormat(byteOrder: .big, column: .sha256))
        add(.kernel(KernelPosition(kernel: "k1", record: 0)), to: &index)
        add(.shard(Self.entry(0, 10)), to: &index)
        add(.shard(Self.entry(10, 5)), to: &index)
        add(.kernel(KernelPosition(kernel: "k1", record: 3, offset: 77, start: 1, deleting: 15)), to: &index)
        add(.shard(Self.entry(10, 9, bytes: 190)), to: &index)
        return index
    }

    @Test("is the text that its documentation shows, and reads back")
    func text() throws {
        var index = index()
        #expect(index.nextRecord == 19 && index.bytes == 290 && index.entries.count == 2)
        let lines = index.text.split(separator: "\n")
        #expect(lines[0] == "ima-shards 1 0000000002 big sha256")
        #expect(lines[1] == "kernel k1 record=3 offset=77 start=1 deleting=15")
        let (sha, own) = (String(repeating: "07", count: 32), String(repeating: "01", count: 32))
        let padded = String(repeating: "02", count: 32)
        #expect(lines[2] == "shard 0 10 100 \(sha) sha256:10=\(own) sha256:10/6=\(padded)")
        let read = try ShardIndex.read(Array(index.text.utf8))
        index.forgetReplaced()
        #expect(read.index == index && read.length == index.text.utf8.count)
    }

    @Test("a line that was being written doesn't count, wherever it ends")
    func torn() throws {
        let whole = Array(index().text.utf8)
        let last = ShardIndex.Line.shard(Self.entry(19, 1)).text.utf8
        for length in 0..<last.count {
            let read = try ShardIndex.read(whole + last.prefix(length))
            #expect(read.length == whole.count && read.index.nextRecord == 19)
        }
        #expect(try ShardIndex.read(whole + last).index.nextRecord == 20)
    }

    @Test("a line that is none, or leaves records out, is named")
    func malformed() {
        let header = "ima-shards 1 0000000002 little sha1\n"
        let shard = "shard 0 1 9 \(String(repeating: "07", count: 32))"
        let cases: [(String, Int)] = [
            ("", 1), ("ima-shards 2 0000000002 little sha1\n", 1), ("ima-shards 1 2 little sha1\n", 1),
            (header + "\n", 2), (header + "noise\n", 2), (header + "shard 0 0 9 07\n", 2),
            (header + shard.replacingFirst("shard 0", "shard 5") + "\n", 2),
            (header + shard + " sha256:10=07\n", 2), (header + shard + " sha256:99=" + sha + "\n", 2),
            (header + shard + "\n" + "kernel k record=x offset=0 start=0\n", 3),
            (header + "kernel k record=1 offset=0 start=2\n", 2), (header + "kernel k record=1\n", 2),
            (header + shard.replacingFirst(" 1 ", " 100000000 ") + "\n", 2),
            (header + shard.replacingFirst(" 9 ", " 99999999999999999999 ") + "\n", 2),
        ]
        for (text, line) in cases {
            #expect(throws: ShardIndex.MalformedLine(number: line), "\(text)") {
                try ShardIndex.read(Array(text.utf8))
            }
        }
    }

    private var sha: String { String(repeating: "07", count: 32) }

    @Test("finds the shard of a record")
    func position() {
        var index = ShardIndex(epoch: BootEpoch(resetCount: 2), format: LogFormat())
        var first: UInt64 = 0
        for count in 1...40 as ClosedRange<UInt64> {
            add(.shard(Self.entry(first, count)), to: &index)
            first += count
        }
        for record in 0..<first {
            let position = index.position(of: record)
            #expect(position.map { index.entries[$0].name.first <= record && record < index.entries[$0].end } == true)
        }
        #expect(index.position(of: first) == nil)
    }
}

extension String {
    fileprivate func replacingFirst(_ text: String, _ other: String) -> String {
        guard let range = firstRange(of: text) else { return self }
        return replacingCharacters(in: range, with: other)
    }
    private func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}

@Suite("/etc/ima-shards.conf") struct ShardsConfigurationTests {
    @Test("names the folder; unknown keys are for others")
    func read() throws {
        #expect(try ShardsConfiguration("").directory == "/var/lib/ima-shards")
        let text = "# shards\n\n directory = /srv/ima shards \r\nretention=3\n"
        #expect(try ShardsConfiguration(text).directory == "/srv/ima shards")
    }

    @Test("refuses what names none", arguments: ["directory", "directory = shards", "directory=", "directory=/a\ndirectory=/b"])
    func refused(text: String) {
        let error = #expect(throws: ShardError.self) { try ShardsConfiguration(text) }
        #expect(error?.code == .configuration && error?.path == "/etc/ima-shards.conf")
    }
}
