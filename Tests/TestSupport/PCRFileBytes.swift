internal import AssayCrypto
internal import Bytes
package import TPM

/// The files that `tpm2_quote -o` writes.
package enum PCRFileBytes {
    /// With `-F serialized`: the C structures as they lie in memory.
    ///
    /// - Parameter banks: as they were asked for; a bank may stand there twice, or be empty.
    package static func serialized(_ banks: [PCRSelection.Bank], _ values: PCRValues) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(UInt32(banks.count), .little)
        for bank in banks {
            writer.integer(bank.bank.rawValue, .little)
            writer.u8(3)
            writer.integer(bank.pcrs.rawValue, .little)
            writer.u8(0)
        }
        writer.raw([UInt8](repeating: 0, count: (16 - banks.count) * 8))
        let digests = digests(banks, values)
        writer.integer(UInt32((digests.count + 7) / 8), .little)
        for first in stride(from: 0, to: digests.count, by: 8) {
            let list = digests[first..<min(first + 8, digests.count)]
            writer.integer(UInt32(list.count), .little)
            for digest in list {
                writer.integer(UInt16(digest.count), .little)
                writer.raw(digest.bytes + [UInt8](repeating: 0, count: 64 - digest.count))
            }
            writer.raw([UInt8](repeating: 0, count: (8 - list.count) * 66))
        }
        return writer.bytes
    }

    /// With `-F values`, and what `tpm2_pcrread -o` writes: one value after the other.
    package static func plain(_ banks: [PCRSelection.Bank], _ values: PCRValues) -> [UInt8] {
        digests(banks, values).flatMap(\.bytes)
    }

    private static func digests(_ banks: [PCRSelection.Bank], _ values: PCRValues) -> [Digest] {
        banks.flatMap { bank in bank.pcrs.indices.compactMap { values[bank.bank, $0] } }
    }
}
