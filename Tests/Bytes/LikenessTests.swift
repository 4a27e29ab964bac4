import Bytes
import Testing

@Suite("Words that are alike") struct LikenessTests {
    @Test(
        "The nearest is meant; none by a word that is like none",
        arguments: [
            ("agent", "agents"), ("polcy", "policy"), ("policyy", "policy"), ("agents", "agents"), ("run", nil),
            ("x", nil), ("", nil), ("keyrings", nil),
        ] as [(String, String?)])
    func near(word: String, meant: String?) {
        #expect(nearest(to: word, among: ["agents", "policy", "go"]) == meant)
    }

    @Test("Nothing is meant where nothing is known") func none() { #expect(nearest(to: "run", among: []) == nil) }

    @Test(
        "UTF-16 is known by its mark or its zero bytes, and nothing else is taken for it",
        arguments: [
            ([0xff, 0xfe, 0x7b, 0], true), ([0xfe, 0xff, 0, 0x7b], true), ([0x7b, 0], true), ([0, 0x7b], true),
            ([0x7b, 0x7d], false), ([0xef, 0xbb, 0xbf, 0x7b], false), ([], false), ([0], false), ([0, 0], false),
        ] as [([UInt8], Bool)])
    func encodings(bytes: [UInt8], isUTF16: Bool) {
        #expect((encodingProblem(bytes)?.contains("save it as UTF-8") == true) == isUTF16)
    }
}
