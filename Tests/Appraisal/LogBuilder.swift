import AssayCrypto
import Bytes
import IMA
import TPM
import TestSupport

@testable import Appraisal

/// Makes logs as a little-endian kernel would write them, and the PCRs as its TPM would hold them.
struct LogBuilder {
    private(set) var bytes: [UInt8] = []
    private(set) var pcrs: [PCRName: Digest] = [:]
    private(set) var count = 0

    struct PCRName: Hashable {
        let bank: PCRBank
        let pcr: Int
    }

    /// A digest that stands for a file's content.
    static func digest(_ content: String) -> [UInt8] { PCRBank.sha256.digest(of: Array(content.utf8)).bytes }

    /// `boot_aggregate` over some content.
    mutating func bootAggregate(_ content: String = "boot", pcr: Int = 10, name: String = "boot_aggregate") {
        file(name, content, pcr: pcr)
    }

    /// An `ima-ng` record.
    mutating func file(_ path: String, _ content: String, pcr: Int = 10) {
        add("ima-ng", digestField(Self.digest(content)) + nameField(path), pcr: pcr)
    }

    /// An `ima-sig` record.
    mutating func signed(
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
    mutating func buffer(_ name: String, _ buffer: [UInt8], over: [UInt8]? = nil, pcr: Int = 10) {
        let digest = PCRBank.sha256.digest(of: over ?? buffer).bytes
        add("ima-buf", digestField(digest) + nameField(name) + sized(buffer), pcr: pcr)
    }

    /// A violation of a path.
    mutating func violation(_ path: String, pcr: Int = 10) {
        add("ima-ng", digestField([UInt8](repeating: 0, count: 32)) + nameField(path), pcr: pcr, isViolation: true)
    }

    /// Any record.
    ///
    /// - Parameter column: what stands in the digest column, where it isn't the template digest.
    mutating func add(
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
        for bank in [PCRBank.sha1, .sha256] {
            let name = PCRName(bank: bank, pcr: pcr)
            var value = pcrs[name] ?? Digest(repeating: 0, count: bank.digestSize)
            let extended = isViolation ? Digest(repeating: 0xff, count: bank.digestSize) : bank.digest(of: data)
            bank.extend(&value, with: extended)
            pcrs[name] = value
        }
    }

    /// Bytes that no TPM has seen.
    mutating func forge(_ forged: [UInt8]) { bytes += forged }

    /// A quote of the PCRs as they are now.
    func quote(_ pcrs: [Int] = [10], banks: [PCRBank] = [.sha256]) -> QuotedPCRs {
        var values = PCRValues()
        for bank in banks {
            for pcr in pcrs {
                values[bank, pcr] =
                    self.pcrs[PCRName(bank: bank, pcr: pcr)] ?? Digest(repeating: 0, count: bank.digestSize)
            }
        }
        return QuotedPCRs(values)
    }

    func digestField(_ digest: [UInt8], _ prefix: String = "sha256:") -> [UInt8] {
        sized(Array(prefix.utf8) + [0] + digest)
    }

    func nameField(_ name: String) -> [UInt8] { sized(Array(name.utf8) + [0]) }

    func sized(_ bytes: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.sized(by: UInt32.self, bytes, .little)
        return writer.bytes
    }
}

/// A key, a certificate of it, and a file that it signed, out of the committed cases.
struct Signed {
    let certificate: [UInt8]
    let certificateDigest: String
    let fingerprint: Digest
    let path: String
    let digest: [UInt8]
    let signature: [UInt8]

    /// From the case that learns a key of `.ima` and then meets a file that it signed.
    init() throws {
        let log = try Fixtures.bytes("appraisal/ima-log/kr-learn/log.bin")
        var reader = RecordReader(log.span, format: LogFormat())
        var certificate: [UInt8] = []
        var file: (path: String, digest: [UInt8], signature: [UInt8])?
        while let record = try reader.next() {
            let fields = RecordFields(record, in: log.span)
            if fields.kind == .buffer { certificate = Array(log[fields.buffer]) }
            if fields.kind == .file, !fields.signature.isEmpty {
                file = (
                    String(decoding: log[fields.name], as: UTF8.self), Array(log[fields.digest.range]),
                    Array(log[fields.signature])
                )
            }
        }
        self.certificate = certificate
        certificateDigest = PCRBank.sha256.digest(of: certificate).description
        fingerprint = try Certificate(der: certificate).publicKeyFingerprint
        (path, digest, signature) = file ?? ("", [], [])
    }

    /// A policy's `keyrings` member that lists the key.
    func listed(on keyring: String) -> String { #""\#(keyring)": ["\#(certificateDigest)"]"# }
}

/// A policy's `digests` member for boot_aggregate, as ``LogBuilder`` makes it, and further files.
func listed(_ files: [String: String] = [:]) -> String {
    files.merging(["boot_aggregate": "boot"]) { first, _ in first }.map { path, content in
        #""\#(path)": ["\#(LogBuilder.digest(content).hexadecimal)"]"#
    }.joined(separator: ", ")
}
