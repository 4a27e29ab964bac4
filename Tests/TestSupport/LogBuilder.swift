package import AssayCrypto
internal import Bytes
package import TPM

/// Makes logs as a little-endian kernel would write them, and the PCRs as its TPM would hold them.
package struct LogBuilder {
    /// The records so far.
    package private(set) var bytes: [UInt8] = []
    /// The PCRs that were extended.
    package private(set) var pcrs: [PCRName: Digest] = [:]
    /// How many records there are.
    package private(set) var count = 0

    /// An empty log.
    package init() {}

    /// One PCR of one bank.
    package struct PCRName: Hashable {
        package let bank: PCRBank
        package let pcr: Int
    }

    /// A digest that stands for a file's content.
    package static func digest(_ content: String) -> [UInt8] { PCRBank.sha256.digest(of: Array(content.utf8)).bytes }

    /// `boot_aggregate` over some content.
    package mutating func bootAggregate(_ content: String = "boot", pcr: Int = 10, name: String = "boot_aggregate") {
        file(name, content, pcr: pcr)
    }

    /// An `ima-ng` record.
    package mutating func file(_ path: String, _ content: String, pcr: Int = 10) {
        add("ima-ng", digestField(Self.digest(content)) + nameField(path), pcr: pcr)
    }

    /// An `ima-sig` record.
    package mutating func signed(
        _ path: String, _ digest: [UInt8], _ signature: [UInt8], pcr: Int = 10, prefix: String = "sha256:"
    ) {
        let isTyped = prefix.split(separator: ":").count > 1
        add(
            isTyped ? "ima-sigv2" : "ima-sig", digestField(digest, prefix) + nameField(path) + sized(signature),
            pcr: pcr)
    }

    /// An `ima-buf` record.
    ///
    /// - Parameter over: the bytes that the digest is made of, where they aren't the buffer.
    package mutating func buffer(_ name: String, _ buffer: [UInt8], over: [UInt8]? = nil, pcr: Int = 10) {
        let digest = PCRBank.sha256.digest(of: over ?? buffer).bytes
        add("ima-buf", digestField(digest) + nameField(name) + sized(buffer), pcr: pcr)
    }

    /// A `snapshot_aggregate` record, as the proposal of 2023 has it.
    ///
    /// - Parameter claims: the PCRs that it tells of, where they aren't those of the log so far.
    package mutating func snapshotAggregate(claims: PCRValues? = nil) {
        let values = claims ?? values(Array(0..<24), banks: [.sha1, .sha256])
        var text = "Snapshot_Attempt_Count=1;"
        for bank in values.banks {
            let all = values.all.filter { $0.bank == bank }.map { "\(bank):PCR\($0.index):\($0.value)" }
            text += all.joined(separator: ",") + ";"
        }
        buffer("snapshot_aggregate", Array(text.utf8))
    }

    /// A violation of a path.
    package mutating func violation(_ path: String, pcr: Int = 10) {
        add("ima-ng", digestField([UInt8](repeating: 0, count: 32)) + nameField(path), pcr: pcr, isViolation: true)
    }

    /// Any record.
    ///
    /// - Parameter column: what stands in the digest column, where it isn't the template digest.
    package mutating func add(
        _ template: String, _ data: [UInt8], pcr: Int = 10, isViolation: Bool = false, column: [UInt8]? = nil
    ) {
        let digest = isViolation ? [UInt8](repeating: 0, count: 20) : PCRBank.sha1.digest(of: data).bytes
        var writer = ByteWriter()
        writer.integer(UInt32(pcr), .little)
        writer.raw(column ?? digest)
        writer.sized(by: UInt32.self, Array(template.utf8), .little)
        writer.sized(by: UInt32.self, data, .little)
        bytes += writer.bytes
        count += 1
        for bank in [PCRBank.sha1, .sha256, .sha384] {
            let name = PCRName(bank: bank, pcr: pcr)
            var value = pcrs[name] ?? Digest(repeating: 0, count: bank.digestSize)
            let extended = isViolation ? Digest(repeating: 0xff, count: bank.digestSize) : bank.digest(of: data)
            bank.extend(&value, with: extended)
            pcrs[name] = value
        }
    }

    /// Bytes that no TPM has seen.
    package mutating func forge(_ forged: [UInt8]) { bytes += forged }

    /// The PCRs as they are now, as the kernel's TPM would quote them.
    package func values(_ pcrs: [Int] = [10], banks: [PCRBank] = [.sha256]) -> PCRValues {
        var values = PCRValues()
        for bank in banks {
            for pcr in pcrs {
                values[bank, pcr] =
                    self.pcrs[PCRName(bank: bank, pcr: pcr)] ?? Digest(repeating: 0, count: bank.digestSize)
            }
        }
        return values
    }

    /// A `d-ng` field.
    package func digestField(_ digest: [UInt8], _ prefix: String = "sha256:") -> [UInt8] {
        sized(Array(prefix.utf8) + [0] + digest)
    }

    /// An `n-ng` field.
    package func nameField(_ name: String) -> [UInt8] { sized(Array(name.utf8) + [0]) }

    /// A field: length and bytes.
    package func sized(_ bytes: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.sized(by: UInt32.self, bytes, .little)
        return writer.bytes
    }
}
