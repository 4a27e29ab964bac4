import TPM
import Testing

@Suite("A set of PCRs") struct PCRSetTests {
    @Test(
        "is read and written as operators do",
        arguments: [
            ("0-7", Array(0...7)), ("0", [0]), ("0,2-4,10-11,23", [0, 2, 3, 4, 10, 11, 23]), ("0-23", Array(0...23)),
        ])
    func ranges(text: String, indices: [Int]) {
        #expect(PCRSet(ranges: text)?.indices == indices)
        #expect(PCRSet(indices).ranges == text)
    }

    @Test(
        "is nothing else", arguments: ["", "-", "7-0", "0-", "-7", "0--7", "0-7,", "24", "0-24", "a", "0 - 7", "0-1-2"])
    func bad(text: String) {
        #expect(PCRSet(ranges: text) == nil)
    }

    @Test("in another order is the same") func order() {
        #expect(PCRSet(ranges: "4,0,2-3,1")?.ranges == "0-4")
        #expect(PCRSet([]).ranges == "")
    }
}
