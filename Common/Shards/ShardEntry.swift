package import AssayCrypto
import Bytes
package import IMA

/// What the index knows of a shard.
package struct ShardEntry: Hashable, Sendable {
    /// The shard's file name: its first record and how many.
    package let name: ShardName
    /// Length in bytes.
    package let bytes: UInt64
    /// SHA-256 of all of them.
    package let sha256: Digest
    /// The PCRs' values after the shard's last record, in each bank, as a replay of all records so far gives them.
    package let lanes: [PCRReplay.Lane]

    /// The number of the record behind the last one.
    package var end: UInt64 { name.first &+ name.count }

    /// Describes a shard.
    package init(name: ShardName, bytes: UInt64, sha256: Digest, lanes: [PCRReplay.Lane]) {
        self.name = name
        self.bytes = bytes
        self.sha256 = sha256
        self.lanes = lanes
    }
}

extension ShardEntry {
    /// `FIRST COUNT BYTES SHA256 BANK:PCR=VALUE …`. A bank's value for another form than its own hash, which kernels
    /// before 5.8 extend, stands as `BANK:PCR/FORMS=VALUE`.
    var text: String {
        let values = lanes.map { lane in
            let forms = lane.forms == .own ? "" : "/\(lane.forms.rawValue)"
            return "\(lane.bank):\(lane.pcr)\(forms)=\(lane.value)"
        }
        return (["\(name.first)", "\(name.count)", "\(bytes)", "\(sha256)"] + values).joined(separator: " ")
    }

    /// Reads what ``text`` writes; nil for anything else.
    init?(_ words: some Collection<Substring>) {
        var words = words[...]
        guard let first = words.popFirst().flatMap({ UInt64($0) }), first <= ShardName.maximumFirst,
            let count = words.popFirst().flatMap({ UInt64($0) }), (1...ShardName.maximumCount).contains(count),
            let bytes = words.popFirst().flatMap({ UInt64($0) }), bytes > 0, bytes < 1 << 40,
            let digits = words.popFirst(), let sha256 = [UInt8](hexadecimal: digits).flatMap({ Digest($0) }),
            sha256.count == 32
        else { return nil }
        let lanes = words.compactMap { PCRReplay.Lane(text: $0) }
        guard lanes.count == words.count else { return nil }
        self.init(name: ShardName(first: first, count: count), bytes: bytes, sha256: sha256, lanes: lanes)
    }
}

extension PCRReplay.Lane {
    fileprivate init?(text: Substring) {
        let sides = text.split(separator: "=", maxSplits: 1)
        guard sides.count == 2, let value = [UInt8](hexadecimal: sides[1]).flatMap({ Digest($0) }) else { return nil }
        let name = sides[0].split(separator: ":", maxSplits: 1)
        guard name.count == 2, let bank = PCRBank(name: String(name[0])), value.count == bank.digestSize else {
            return nil
        }
        let place = name[1].split(separator: "/", maxSplits: 1)
        guard let pcr = place.first.flatMap({ UInt32($0) }), pcr < 24 else { return nil }
        guard place.count == 2 else {
            self.init(bank: bank, pcr: pcr, forms: .own, value: value)
            return
        }
        guard let forms = UInt8(place[1]), (1...7).contains(forms) else { return nil }
        self.init(bank: bank, pcr: pcr, forms: PaddingForms(rawValue: forms), value: value)
    }
}
