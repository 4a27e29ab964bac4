import Bytes
import Testing

@Suite("Bytes") struct BytesTests {
    @Test("integers are read in both orders") func integers() throws {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6]
        var reader = ByteReader(bytes.span)
        #expect(try reader.integer(UInt16.self) == 0x0102)
        #expect(try reader.integer(UInt32.self, .little) == 0x0605_0403)
        try reader.finish()
    }

    @Test("what the writer writes, the reader reads") func roundTrip() throws {
        var writer = ByteWriter()
        writer.integer(UInt64(0x0102_0304_0506_0708))
        writer.integer(UInt32(7), .little)
        writer.sized(by: UInt16.self, [9, 9, 9])
        let bytes = writer.bytes
        var reader = ByteReader(bytes.span)
        #expect(try reader.integer(UInt64.self) == 0x0102_0304_0506_0708)
        #expect(try reader.integer(UInt32.self, .little) == 7)
        #expect(try reader.sized(by: UInt16.self, limit: 3) == [9, 9, 9])
        try reader.finish()
    }

    @Test("a short structure, a long one and an excessive length are errors with their place") func errors() {
        let bytes: [UInt8] = [0, 5, 1, 2]
        #expect(throws: ByteError(.truncated(needed: 5, left: 2), offset: 2)) {
            var reader = ByteReader(bytes.span)
            _ = try reader.sized(by: UInt16.self, limit: 10)
        }
        #expect(throws: ByteError(.tooLong(length: 5, limit: 4), offset: 0)) {
            var reader = ByteReader(bytes.span)
            _ = try reader.sized(by: UInt16.self, limit: 4)
        }
        #expect(throws: ByteError(.trailing(3), offset: 1)) {
            var reader = ByteReader(bytes.span)
            _ = try reader.u8()
            try reader.finish()
        }
        #expect(throws: ByteError(.truncated(needed: -1, left: 4), offset: 0)) {
            var reader = ByteReader(bytes.span)
            _ = try reader.array(-1)
        }
    }

    @Test("hexadecimal reads back, and refuses what it isn't") func hexadecimal() {
        let bytes: [UInt8] = [0, 0x1f, 0xa0, 0xff]
        #expect(bytes.hexadecimal == "001fa0ff")
        #expect([UInt8](hexadecimal: "001FA0ff") == bytes)
        #expect([UInt8](hexadecimal: "001") == nil)
        #expect([UInt8](hexadecimal: "0g") == nil)
    }

    @Test(
        "hostile names are escaped, printable ones stay",
        arguments: [
            ([UInt8]("/usr/bin/true".utf8), "/usr/bin/true"),
            ([UInt8]("ring:schlüssel 日本".utf8), "ring:schlüssel 日本"),
            ([UInt8]("new\nline\ttab\\slash".utf8), "new\\nline\\ttab\\\\slash"),
            ([0xff, 0x41, 0xfe], "\\xffA\\xfe"),
            ([UInt8]("\u{1b}[2J\u{202e}".utf8), "\\x1b[2J\\xe2\\x80\\xae"),
            ([0xe2, 0x80], "\\xe2\\x80"),
            ([0], "\\x00"),
        ])
    func escaping(bytes: [UInt8], shown: String) {
        #expect(escaped(bytes) == shown)
        #expect(unescaped(shown) == bytes)
    }
}
