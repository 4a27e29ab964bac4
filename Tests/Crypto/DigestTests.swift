import AssayCrypto
import Bytes
import Testing

@Suite("Digests") struct DigestTests {
    /// Digests of "abc": RFC 1321, FIPS 180-4, FIPS 202, GB/T 32905, and RIPEMD-160's paper.
    static let abc: [(HashAlgorithm, String)] = [
        (.md5, "900150983cd24fb0d6963f7d28e17f72"),
        (.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (.sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (.sha384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"),
        (
            .sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (.rmd160, "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
        (.sm3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (.sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (.sha3_384, "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25"),
        (
            .sha3_512,
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
                + "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"
        ),
    ]

    @Test("of abc are the standards'", arguments: abc)
    func known(algorithm: HashAlgorithm, expected: String) throws {
        #expect(algorithm.isAvailable)
        #expect(try algorithm.digest(of: Array("abc".utf8)).description == expected)
        #expect(try algorithm.digest(of: [Array("a".utf8), [], Array("bc".utf8)]).description == expected)
        #expect(expected.count == 2 * algorithm.digestSize)
    }

    @Test("of nothing, and of more than a block", arguments: PCRBank.allCases)
    func lengths(bank: PCRBank) throws {
        for count in [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            var incremental = try IncrementalHash(bank.algorithm)
            for byte in bytes { incremental.update([byte].span) }
            #expect(try incremental.finish() == bank.digest(of: bytes))
        }
        #expect(PCRBank.sha1.digest(of: []).description == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }

    @Test("extend a PCR with H(PCR ‖ digest)", arguments: PCRBank.allCases)
    func extend(bank: PCRBank) {
        var pcr = Digest(repeating: 0, count: bank.digestSize)
        let first = bank.digest(of: Array("first".utf8))
        let violation = Digest(repeating: 0xff, count: bank.digestSize)
        bank.extend(&pcr, with: first)
        let afterFirst = bank.digest(of: [UInt8](repeating: 0, count: bank.digestSize) + first.bytes)
        #expect(pcr == afterFirst)
        bank.extend(&pcr, with: violation)
        #expect(pcr == bank.digest(of: afterFirst.bytes + violation.bytes))
    }

    @Test("extend a value of another size without trapping")
    func extendOtherSize() {
        var pcr = Digest(repeating: 1, count: 20)
        PCRBank.sha256.extend(&pcr, with: Digest(repeating: 2, count: 64))
        #expect(pcr.count == 32)
    }

    @Test("HMAC is RFC 4231's")
    func hmac() throws {
        let code = try HashAlgorithm.sha256.authenticationCode(
            key: Array("Jefe".utf8), Array("what do ya want for nothing?".utf8))
        #expect(code.description == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let empty = try HashAlgorithm.sha256.authenticationCode(key: [], [])
        #expect(empty.description == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test("compare in constant time, whatever the lengths")
    func compare() {
        #expect(constantTimeEqual([], []))
        #expect(constantTimeEqual([1, 2], [1, 2]))
        #expect(!constantTimeEqual([1, 2], [1, 3]))
        #expect(!constantTimeEqual([1, 2], [1]))
        #expect(!constantTimeEqual([], [0]))
    }

    @Test("random bytes differ")
    func random() throws {
        #expect(try randomBytes(32).count == 32)
        #expect(try randomBytes(32) != randomBytes(32))
        #expect(try randomBytes(0).isEmpty)
    }
}
