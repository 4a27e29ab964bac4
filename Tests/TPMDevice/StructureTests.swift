import CTSS2
import TPM
import Testing

@testable import TPMDevice

@Suite("C structures") struct StructureTests {
    @Test("a length over the buffer is cut to the buffer", arguments: [65, 4096, 0xffff] as [UInt16])
    func hostileLength(length: UInt16) throws {
        var digest = try TPM2B_DIGEST([UInt8](repeating: 7, count: 64), for: "test")
        digest.size = length
        #expect(digest.bytes == [UInt8](repeating: 7, count: 64))
    }

    @Test("every length up to the buffer's goes in and comes out")
    func everyLength() throws {
        for count in 0...64 {
            let bytes = (0..<count).map { UInt8($0) }
            #expect(try TPM2B_DIGEST(bytes, for: "test").bytes == bytes)
        }
        #expect(throws: TPMDeviceError(.tooLong(count: 65, limit: 64), in: "test")) {
            try TPM2B_DIGEST([UInt8](repeating: 0, count: 65), for: "test")
        }
    }

    @Test("a count over the array is cut to the array")
    func hostileCount() {
        var list = TPML_PCR_SELECTION()
        list.count = .max
        #expect(list.banks.count == 16)
        var bank = TPMS_PCR_SELECTION()
        bank.sizeofSelect = 255
        bank.pcrSelect = (0x01, 0x04, 0x80, 0xff)
        #expect(bank.pcrs.indices == [0, 10, 23])
        bank.sizeofSelect = 1
        #expect(bank.pcrs.indices == [0])
    }

    @Test("a public area is read to its last byte, and every cut of it is refused", arguments: KeyKind.allCases)
    func publicArea(kind: KeyKind) throws {
        let bytes = try kind.endorsementTemplate.marshalled()
        #expect(try TPM2B_PUBLIC(marshalled: bytes)?.marshalled() == bytes)
        for count in 0..<bytes.count { #expect(TPM2B_PUBLIC(marshalled: Array(bytes.prefix(count))) == nil) }
        #expect(TPM2B_PUBLIC(marshalled: bytes + [0]) == nil)
    }

    @Test(
        "the outer length of DER",
        arguments: [
            ([0x30, 0x00], 2), ([0x30, 0x02, 1, 2, 0xff], 4), ([0x30, 0x81, 0x01, 9], 4),
            ([0x30, 0x82, 0x00, 0x01, 9, 0], 5), ([0x30, 0x83, 0x00, 0x00, 0x01, 9], 6),
            ([], nil), ([0x30], nil), ([0x31, 0x00], nil), ([0x30, 0x01], nil), ([0x30, 0x80, 0, 0], nil),
            ([0x30, 0x82, 0x01], nil), ([0x30, 0x82, 0x00, 0x05, 9], nil), ([0x30, 0x84, 0, 0, 0, 1, 9], nil),
            ([0x30, 0xff, 0xff, 0xff, 0xff], nil), ([0xff, 0xff, 0xff, 0xff], nil),
        ] as [([UInt8], Int?)])
    func derLength(bytes: [UInt8], expected: Int?) {
        #expect(outerLength(ofDER: bytes) == expected)
    }
}
