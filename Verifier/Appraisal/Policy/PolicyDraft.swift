import AssayCrypto
import Bytes
package import IMA

/// A policy in the making, out of logs of hosts that are trusted: it allows what they hold.
///
/// Encodes as a runtime policy v1.
package struct PolicyDraft: Encodable {
    private var digests: [String: [String]] = [:]
    private var keyrings: [String: [String]] = [:]
    private var buffers: [String: [String]] = [:]
    /// Names that aren't UTF-8, and so can't stand in JSON: only a signature or an exclude lets such a file pass.
    package private(set) var unlistable: Set<[UInt8]> = []

    /// Allows nothing.
    package init() {}

    /// Allows every file, key and buffer of a log; violations and records that can't be read add nothing.
    ///
    /// - Parameter log: the kernel's binary form or its text.
    /// - Throws: `LogError` where the log can't be read on.
    package mutating func allow(log: [UInt8]) throws(LogError) {
        guard !log.isEmpty else { return }
        if LogFormat.isText(log.span) {
            let encoded = ASCIILog.encode(log)
            if let error = encoded.error { throw error }
            try allow(records: encoded.bytes, encoded.format)
        } else {
            try allow(records: log, try LogFormat.detect(log.span))
        }
    }

    private mutating func allow(records: [UInt8], _ format: LogFormat) throws(LogError) {
        var reader = RecordReader(records.span, format: format)
        while let record = try reader.next() {
            if record.isViolation { continue }
            let fields = RecordFields(record, in: records.span)
            let digest = Array(records[fields.digest.range]).hexadecimal
            guard let name = String(validating: records[fields.name], as: UTF8.self) else {
                unlistable.insert(Array(records[fields.name]))
                continue
            }
            switch fields.kind {
            case .file where fields.digest.type == .ima: Self.add(digest, name, to: &digests)
            case .buffer:
                let isKey = LearnedKey.read(Array(records[fields.buffer]), record: 0, firstSeen: 0) != nil
                if isKey { Self.add(digest, name, to: &keyrings) } else { Self.add(digest, name, to: &buffers) }
            case .file, .unknownTemplate, .malformed: continue
            }
        }
    }

    private static func add(_ digest: String, _ name: String, to entries: inout [String: [String]]) {
        if entries[name]?.contains(digest) == true { return }
        entries[name, default: []].append(digest)
    }
}

// MARK: - Runtime policy v1

extension PolicyDraft {
    private struct Meta: Encodable {
        let version = 1
        /// "Other", as that format numbers its generators.
        let generator = 0
    }

    private struct IMASection: Encodable {
        let ignoredKeyrings: [String] = []
        let logHashAlgorithm = "sha1"

        enum CodingKeys: String, CodingKey {
            case ignoredKeyrings = "ignored_keyrings"
            case logHashAlgorithm = "log_hash_alg"
            case deviceMapperPolicy = "dm_policy"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(ignoredKeyrings, forKey: .ignoredKeyrings)
            try container.encode(logHashAlgorithm, forKey: .logHashAlgorithm)
            try container.encodeNil(forKey: .deviceMapperPolicy)
        }
    }

    private enum CodingKeys: String, CodingKey {
        case meta, release, digests, excludes, keyrings, ima
        case buffers = "ima-buf"
        case verificationKeys = "verification-keys"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Meta(), forKey: .meta)
        try container.encode(0, forKey: .release)
        try container.encode(digests, forKey: .digests)
        try container.encode([String](), forKey: .excludes)
        try container.encode(keyrings, forKey: .keyrings)
        try container.encode(IMASection(), forKey: .ima)
        try container.encode(buffers, forKey: .buffers)
        try container.encode("", forKey: .verificationKeys)
    }
}
