import AssayCrypto
import Bytes
import IMA
import TPM
import TestSupport

@testable import Appraisal

extension LogBuilder {
    /// A quote of the PCRs as they are now.
    func quote(_ pcrs: [Int] = [10], banks: [PCRBank] = [.sha256]) -> QuotedPCRs {
        QuotedPCRs(values(pcrs, banks: banks))
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
