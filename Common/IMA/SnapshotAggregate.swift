package import AssayCrypto
import Bytes

/// What a kernel claims that its TPM's PCRs held when it cut its log: a `snapshot_aggregate` record, as the proposal of
/// 2023 has it and kernels of vendors may write it. The record itself was extended behind the values.
///
/// They are the kernel's words in the host's log, and prove nothing by themselves: only a replay that comes to them does.
///
/// Source: RFC "IMA Log Snapshotting Design Proposal" (linux-integrity, 2023), sections B.5 and D.1.
package struct SnapshotAggregate: Hashable, Sendable {
    /// A PCR's value.
    package struct Claim: Hashable, Sendable {
        /// The bank.
        package let bank: PCRBank
        /// The PCR's index, below 24.
        package let pcr: UInt32
        /// The value.
        package let value: Digest
    }

    /// What is claimed, at least one value; each PCR of a bank once.
    package let claims: [Claim]

    /// Reads a record; nil if it is another, or claims nothing that can be compared.
    package init?(_ record: RecordLayout, in bytes: Span<UInt8>) {
        guard !record.isViolation, bytes.extracting(record.templateName).equals("ima-buf") else { return nil }
        self.init(RecordFields(record, in: bytes), in: bytes)
    }

    /// Reads a record whose fields are known; nil if it is another, or claims nothing that can be compared.
    package init?(_ fields: RecordFields, in bytes: Span<UInt8>) {
        guard fields.kind == .buffer, !fields.isViolation,
            bytes.extracting(fields.name).equals("snapshot_aggregate"), fields.buffer.count <= Self.maximumBytes
        else { return nil }
        self.init(text: [UInt8](copying: bytes.extracting(fields.buffer)))
    }

    /// 24 PCRs of each bank, and counters.
    private static let maximumBytes = 1 << 16

    /// Reads `Snapshot_Attempt_Count=1;sha1:PCR0:<hex>,sha1:PCR1:<hex>,…;sha256:PCR0:<hex>,…;`; counters are passed over.
    private init?(text: [UInt8]) {
        var claims: [Claim] = []
        for item in text.split(whereSeparator: { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: ",") }) {
            let words = item.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard words.count == 3 else {
                guard words.count == 1, Counter(item) != nil else { return nil }
                continue
            }
            guard let pcr = Self.pcr(words[1]), let value = [UInt8](hexadecimal: words[2]).flatMap({ Digest($0) })
            else { return nil }
            // Nothing that this side replays: a bank that it doesn't know. Other bytes are no bank's name, but those of a key,
            // say, on a keyring that a user called so.
            guard words[0].allSatisfy(Self.isInName) else { return nil }
            guard let bank = PCRBank(name: String(decoding: words[0], as: UTF8.self)) else { continue }
            guard value.count == bank.digestSize, !claims.contains(where: { $0.bank == bank && $0.pcr == pcr })
            else { return nil }
            claims.append(Claim(bank: bank, pcr: pcr, value: value))
        }
        guard !claims.isEmpty else { return nil }
        self.claims = claims
    }

    private static func isInName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte & 0xdf) || "-_".utf8.contains(byte)
    }

    private static func pcr(_ word: ArraySlice<UInt8>) -> UInt32? {
        guard word.starts(with: "PCR".utf8), let pcr = UInt32(String(decoding: word.dropFirst(3), as: UTF8.self)),
            pcr < 24
        else { return nil }
        return pcr
    }

    /// The first claim that a replay doesn't bear out, with the value that it came to; nil if all that can be compared
    /// agree.
    ///
    /// - Parameter lanes: the values before the record. A PCR that isn't replayed can't be compared.
    package func contradiction(by lanes: [PCRReplay.Lane]) -> (claim: Claim, replayed: Digest)? {
        for claim in claims {
            let replayed = lanes.filter { $0.bank == claim.bank && $0.pcr == claim.pcr }
            // Any form that the kernel may extend the bank with will do.
            guard let first = replayed.first, !replayed.contains(where: { $0.value == claim.value }) else { continue }
            return (claim, first.value)
        }
        return nil
    }

    /// Whether a replay has come to all that is claimed of the PCRs that it replays, and to something at all.
    package func isBorneOut(by lanes: [PCRReplay.Lane]) -> Bool {
        contradiction(by: lanes) == nil
            && claims.contains { claim in lanes.contains { $0.bank == claim.bank && $0.pcr == claim.pcr } }
    }
}

extension SnapshotAggregate: CustomStringConvertible {
    /// `sha256 PCR 0 …, sha256 PCR 1 …`
    package var description: String {
        claims.map { "\($0)" }.joined(separator: ", ")
    }
}

extension SnapshotAggregate.Claim: CustomStringConvertible {
    /// `sha256 PCR 10 6e34…`
    package var description: String { "\(bank) PCR \(pcr) \(value)" }
}
