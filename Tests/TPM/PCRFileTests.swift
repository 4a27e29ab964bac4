import AssayCrypto
import Bytes
import TPM
import TestSupport
import Testing

@Suite("PCR files") struct PCRFileTests {
    private func code(_ bytes: [UInt8]) -> QuoteError.Code? {
        do throws(QuoteError) {
            _ = try PCRFile(bytes)
            return nil
        } catch { return error.code }
    }

    @Test("of real hosts hold the values that their PCRs had", arguments: KernelPoint.all)
    func values(point: KernelPoint) throws {
        let file = try PCRFile(point.bytes("quote.pcrs"))
        #expect(try file.selection == point.selection())
        let all = try point.allValues()
        for (bank, index, value) in file.values.all where index < 8 {
            #expect(all[bank, index] == value)
        }
        #expect(file.values.all.count == file.selection.banks.reduce(0) { $0 + $1.pcrs.indices.count })
    }

    @Test("may state nothing")
    func empty() throws {
        let file = try PCRFile(QuoteCase("sel-missing").bytes("pcrs.bin"))
        #expect(file.selection.banks.isEmpty)
        #expect(file.values == PCRValues())
    }

    @Test("name banks that we know, each once, with values of their size")
    func fields() throws {
        let good = try QuoteCase("swtpm-rsa").bytes("pcrs.bin")
        func changed(_ change: (inout [UInt8]) -> Void) -> QuoteError.Code? {
            var bytes = good
            change(&bytes)
            return code(bytes)
        }
        #expect(code(good) == nil)
        #expect(changed { $0[0] = 17 } == .malformed)
        #expect(changed { $0[4] = 0x12 } == .malformed)
        #expect(changed { $0[4] = 0x04 } == .malformed)
        #expect(changed { $0[6] = 5 } == .malformed)
        #expect(changed { $0.replaceSubrange(6..<11, with: [4, 0, 0, 0, 1]) } == .malformed)
        #expect(changed { $0[7] = 3 } == .malformed)
        #expect(changed { $0.replaceSubrange(0..<1, with: [2]) } == nil)
        #expect(
            changed {
                $0[0] = 2
                $0.replaceSubrange(12..<20, with: $0[4..<12])
            } == .pcrSelectionMismatch)
        #expect(changed { $0.replaceSubrange(132..<136, with: [0xff, 0xff, 0xff, 0xff]) } == .malformed)
        #expect(changed { $0[132] = 2 } == .malformed)
        #expect(changed { $0[136] = 9 } == .malformed)
        #expect(changed { $0[140] = 65 } == .malformed)
        #expect(changed { $0[140] = 31 } == .malformed)
        // What lies in the slots behind the count is not the file's business.
        #expect(changed { $0[20] = 0xff } == nil)
    }

    @Test("cut short or lengthened are refused; changed, they never trap", arguments: ["swtpm-rsa", "sel-all24"])
    func hostile(name: String) throws {
        let bytes = try QuoteCase(name).bytes("pcrs.bin")
        for index in bytes.indices {
            #expect(code(Array(bytes.prefix(index))) == .malformed)
            for change: UInt8 in [1, 0x80, 0xff] {
                var changed = bytes
                changed[index] ^= change
                #expect([nil, .malformed].contains(code(changed)))
            }
        }
        #expect(code(bytes + [0]) == .malformed)
    }

    @Test("of plain values are those of the selection, in its order, and nothing else")
    func plain() throws {
        var values = PCRValues()
        for index in 0..<24 {
            values[.sha256, index] = Digest(repeating: UInt8(index), count: 32)
            values[.sha1, index] = Digest(repeating: UInt8(100 + index), count: 20)
        }
        let banks = [PCRSelection.Bank(.sha256, PCRSet([3, 0])), .init(.sha1, PCRSet([10]))]
        let bytes = PCRFileBytes.plain(banks, values)
        let file = try #require(PCRFile(plainValues: bytes, of: PCRSelection(banks)))
        #expect(file == (try PCRFile(PCRFileBytes.serialized(banks, values))))
        #expect(file.values[.sha256, 3] == values[.sha256, 3] && file.values.all.count == 3)
        #expect(PCRFile(plainValues: bytes + [0], of: PCRSelection(banks)) == nil)
        #expect(PCRFile(plainValues: Array(bytes.dropLast()), of: PCRSelection(banks)) == nil)
        #expect(PCRFile(plainValues: [], of: PCRSelection([])) == nil)
    }
}
