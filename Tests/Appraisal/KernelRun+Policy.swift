import AssayCrypto
import IMA
import TPM
import TestSupport

@testable import Appraisal

extension KernelRun {
    /// The PCR values that a point's quote covers.
    func quote(_ point: Point) throws -> QuotedPCRs { QuotedPCRs(try quotedValues(at: point.point)) }

    /// A policy that lists what the log holds: every file's digest, every key under its keyring, every buffer; that
    /// excludes unsigned fs-verity files, which no list lets pass; and that lets
    /// the keys of all keyrings vouch for files, as the outside replay does.
    ///
    /// - Parameter change: what is to be otherwise.
    func policy(_ change: (inout PolicyDocument) -> Void = { _ in }) throws -> Policy {
        var digests: [[UInt8]: Set<[UInt8]>] = [:]
        var keyrings: [[UInt8]: Set<[UInt8]>] = [:]
        var buffers: [[UInt8]: Set<[UInt8]>] = [:]
        var verity: [[UInt8]] = []
        let log = try log
        var reader = RecordReader(log.span, format: LogFormat())
        while let record = try reader.next() {
            let fields = RecordFields(record, in: log.span)
            let name = Array(log[fields.name])
            let digest = Array(log[fields.digest.range])
            switch fields.kind {
            case .file where fields.digest.type == .verity && fields.signature.isEmpty: verity.append(name)
            case .file where !fields.isViolation: digests[name, default: []].insert(digest)
            case .buffer where LearnedKey.read(Array(log[fields.buffer]), record: 0, firstSeen: 0) != nil:
                keyrings[name, default: []].insert(digest)
            case .buffer: buffers[name, default: []].insert(digest)
            default: continue
            }
        }
        var document = PolicyDocument()
        document.digests = digests.map { .init(name: $0.key, digests: Array($0.value)) }
        document.keyrings = keyrings.map { .init(name: $0.key, digests: Array($0.value)) }
        document.buffers = buffers.map { .init(name: $0.key, digests: Array($0.value)) }
        document.assay.excludeGlobs = verity
        document.assay.fileKeyrings = Array(keyrings.keys)
        change(&document)
        return try Policy(document: document, contentHash: PCRBank.sha256.digest(of: log))
    }
}
