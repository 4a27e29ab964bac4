import AssayCrypto
import Bytes
@testable import IMA

/// Records made here, for what no real log shows.
enum Records {
    /// The template data of a digest and a path.
    static func data(_ name: String, hash: String = "sha256", digest: [UInt8]? = nil, order: ByteOrder = .little)
        -> [UInt8]
    {
        let digest = digest ?? PCRBank.sha256.digest(of: Array(name.utf8)).bytes
        return field(Array((hash + ":").utf8) + [0] + digest, order) + field(Array(name.utf8) + [0], order)
    }

    /// One field with its length word.
    static func field(_ bytes: [UInt8], _ order: ByteOrder = .little) -> [UInt8] {
        var writer = ByteWriter()
        writer.sized(by: UInt32.self, bytes, order)
        return writer.bytes
    }

    /// A record of any template, its column being the digest of its data unless given.
    static func record(
        _ template: String, _ data: [UInt8], pcr: UInt32 = 10, column: [UInt8]? = nil, bank: PCRBank = .sha1,
        order: ByteOrder = .little
    ) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(pcr, order)
        writer.raw(column ?? bank.digest(of: data).bytes)
        writer.sized(by: UInt32.self, Array(template.utf8), order)
        writer.sized(by: UInt32.self, data, order)
        return writer.bytes
    }

    static func file(_ name: String) -> [UInt8] { record("ima-ng", data(name)) }

    static func signed(_ name: String) -> [UInt8] {
        record("ima-sig", data(name) + field([3, 2, 4, 1, 2, 3, 4, 0, 1, 9]))
    }

    /// A record of the template `ima`, whose data has no length and is hashed padded.
    static func legacy(_ name: [UInt8], order: ByteOrder = .little) -> [UInt8] {
        let digest = PCRBank.sha1.digest(of: name).bytes
        let padded = name + [UInt8](repeating: 0, count: max(0, 256 - name.count))
        var writer = ByteWriter()
        writer.integer(UInt32(10), order)
        writer.raw(PCRBank.sha1.digest(of: digest + padded).bytes)
        writer.sized(by: UInt32.self, Array("ima".utf8), order)
        writer.raw(digest)
        writer.sized(by: UInt32.self, name, order)
        return writer.bytes
    }

    /// The text that a kernel shows for records of the templates ima-ng and ima-sig.
    static func text(of log: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        var reader = RecordReader(log.span, format: LogFormat())
        while let record = try? reader.next() {
            let fields = RecordFields(record, in: log.span)
            text += Array("\(record.pcr) \(Array(log[record.templateDigest]).hexadecimal) ".utf8)
            text += Array(log[record.templateName])
            text += Array(" \(fields.digest.hash.name):\(Array(log[fields.digest.range]).hexadecimal) ".utf8)
            text += Array(log[fields.name])
            if record.templateName.count == 7 { text += Array((" " + Array(log[fields.signature]).hexadecimal).utf8) }
            text += Array("\n".utf8)
        }
        return text
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
