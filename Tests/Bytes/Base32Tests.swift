import Bytes
import Testing

@Suite("Base 32") struct Base32Tests {
    @Test("reads what it writes, of every length")
    func roundTrip() {
        for count in 0..<40 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 73 + count) }
            #expect([UInt8](base32: bytes.base32) == bytes)
        }
    }

    @Test("known words")
    func known() {
        #expect(([] as [UInt8]).base32 == "")
        #expect(([0xff] as [UInt8]).base32 == "zw")
        #expect(([0, 0, 0, 0, 1] as [UInt8]).base32 == "00000001")
    }

    @Test("takes capitals and look-alikes, and nothing else")
    func alike() {
        #expect([UInt8](base32: "ZW") == [0xff])
        #expect([UInt8](base32: "OOOOOOOi") == [0, 0, 0, 0, 1])
        #expect([UInt8](base32: "0000000L") == [0, 0, 0, 0, 1])
        for text in ["z", "zz", "000", "u0", "0-", "é0", "zwz"] { #expect([UInt8](base32: text) == nil, "\(text)") }
    }
}
