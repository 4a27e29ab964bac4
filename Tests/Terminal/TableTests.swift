import Terminal
import Testing

@Suite("Tables and times for people") struct TableTests {
    private func lines(_ table: Table, coloured: Bool = false) -> [String] {
        let text = String(decoding: table.text(coloured: coloured), as: UTF8.self)
        #expect(text.hasSuffix("\n"))
        return text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test("Numbers are aligned at their last digit")
    func numbers() {
        var table = Table(["NAME", "RECORDS", "STATE"], rightAligned: [1])
        table.append(["a", "1,200", "current"])
        table.append(["long-name", "7", ""])
        #expect(lines(table) == ["NAME       RECORDS  STATE", "a            1,200  current", "long-name        7"])
    }

    @Test("What isn't ASCII is as wide as it has characters, and an empty cell is blank only before another")
    func widths() {
        var table = Table(["NAME", "N", "X", "Y"], rightAligned: [1])
        table.append(["über", "", "", "é"])
        table.append(["a", "1"])
        table.append(["", "22", "", ""])
        table.append([])
        #expect(lines(table) == ["NAME   N  X  Y", "über         é", "a      1", "      22", ""])
        #expect(lines(Table([])) == [""])
    }

    @Test("Colours take no room, and only coloured lines have them")
    func colours() {
        var table = Table(["NAME", "TIER", "X"])
        table.append(["a", "none", "1"], styles: [1: .faint])
        table.append(["b", "affirming", "2"], styles: [1: .good])
        #expect(lines(table) == ["NAME  TIER       X", "a     none       1", "b     affirming  2"])
        #expect(
            lines(table, coloured: true) == [
                "NAME  TIER       X", "a     \u{1b}[2mnone\u{1b}[0m       1", "b     \u{1b}[32maffirming\u{1b}[0m  2",
            ])
    }

    @Test(
        "Ages are in their largest whole unit",
        arguments: [
            (0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_799, "47 h"),
            (172_800, "2 d"), (86_400 * 400, "400 d"),
        ] as [(Int64, String)])
    func ages(seconds: Int64, expected: String) {
        #expect(readableAge(seconds) == expected)
    }

    @Test("What is counted is in the plural, but for one")
    func counts() {
        #expect([0, 1, 1_200].map { counted($0, "agent") } == ["0 agents", "1 agent", "1,200 agents"])
        #expect(counted(2, "entry", "entries") == "2 entries" && counted(1, "entry", "entries") == "1 entry")
    }

    @Test("Times are in UTC")
    func times() {
        #expect(readableTime(0) == "1970-01-01T00:00:00Z")
        #expect(readableTime(1_795_384_000) == "2026-11-22T21:46:40Z")
    }

    private struct Sample: Encodable {
        let nextRecord = 7
        let text = "a/b"
        let counts = ["not_In": 1, "a": 2]
        let missing: String? = nil
    }

    @Test("JSON is one line, its keys in snake case and in order, those of a dictionary as they are")
    func json() throws {
        #expect(try jsonLine(Sample()) == #"{"counts":{"a":2,"not_In":1},"next_record":7,"text":"a/b"}"#)
    }
}
