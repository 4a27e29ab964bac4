package import AssayCrypto
internal import Bytes
package import IMA

/// A policy in the making, out of what is trusted: hosts' logs, files, keys, and a policy to extend.
package struct PolicyDraft {
    private var base: PolicyDocument
    private var digests: Entries
    private var keyrings: Entries
    private var buffers: Entries
    private var files: [KernelHash: Int] = [:]
    /// The beginning of a record that goes on in the next shard, and the form of the log that it is of.
    private var unread: [UInt8] = []
    private var format = LogFormat()
    private var record: UInt64 = 0
    /// Names that aren't UTF-8, and so can't stand in JSON: only a signature or an exclude lets such a file pass.
    package private(set) var unlistable: Set<[UInt8]> = []

    /// Allows what a policy allows; nothing, if it is new.
    package init(extending base: PolicyDocument = PolicyDocument()) {
        self.base = base
        digests = Entries(base.digests)
        keyrings = Entries(base.keyrings)
        buffers = Entries(base.buffers)
    }

    /// The policy.
    package var document: PolicyDocument {
        var document = base
        document.digests = digests.list
        document.keyrings = keyrings.list
        document.buffers = buffers.list
        return document
    }

    /// The hash of most files' digests so far: that of the logs, else of the policy that is extended; nil if there are
    /// none.
    package var digestAlgorithm: HashAlgorithm? {
        if let hash = files.max(by: { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) })?.key {
            return hash.algorithm
        }
        let size = base.digests.lazy.filter { $0.name != Self.bootAggregate }.flatMap(\.digests).first?.count
        return PCRBank.allCases.first { $0.digestSize == size }?.algorithm
    }

    /// Allows a file's content.
    ///
    /// - Parameter path: as the file system has it; the kernel logs `_` for each blank in it.
    package mutating func allow(file path: [UInt8], digest: Digest) {
        add(digest.bytes, path.map { $0 == 0x20 ? UInt8(ascii: "_") : $0 }, to: \.digests)
    }

    /// Allows a key on a keyring.
    ///
    /// - Parameter key: the certificate or key as the kernel is given it, in DER.
    package mutating func allow(key: [UInt8], on keyring: [UInt8], hash: HashAlgorithm) throws(CryptoError) {
        add(try hash.digest(of: key).bytes, keyring.map { $0 == 0x20 ? UInt8(ascii: "_") : $0 }, to: \.keyrings)
    }

    /// Leaves the keys of a keyring unjudged, and unlearned.
    package mutating func ignore(keyring: [UInt8]) {
        if base.ignoredKeyrings?.contains(keyring) != true {
            base.ignoredKeyrings = (base.ignoredKeyrings ?? []) + [keyring]
        }
    }

    /// Excludes paths by the expressions of a list.
    ///
    /// - Throws: `PolicyError` with all those that can't be used.
    package mutating func exclude(_ list: ExcludeList) throws(PolicyError) {
        try list.add(to: &base.excludes)
        base.sortOutExcludes()
    }

    /// Allows a PCR that holds no records to have a value.
    ///
    /// - Parameter pcr: 0 to 23.
    package mutating func allow(pcr: Int, in bank: PCRBank, value: Digest) {
        let name = bank.description
        guard let index = base.assay.pcrs.firstIndex(where: { $0.pcr == pcr && $0.bank == name }) else {
            base.assay.pcrs.append(.init(pcr: pcr, bank: name, values: [value.bytes]))
            return
        }
        if !base.assay.pcrs[index].values.contains(value.bytes) { base.assay.pcrs[index].values.append(value.bytes) }
    }
}

// MARK: - Logs

extension PolicyDraft {
    /// Allows every file, key and buffer of a whole log; violations and records that can't be read add nothing.
    ///
    /// - Parameter log: the kernel's binary form or its text.
    /// - Throws: `LogError` where the log can't be read on, or ends within a record.
    package mutating func allow(log: [UInt8]) throws(LogError) {
        try allow(shard: log)
        try endLog()
    }

    /// Allows what the next shard of a log holds. A binary shard may begin within a record.
    package mutating func allow(shard: [UInt8]) throws(LogError) {
        let bytes = unread + shard
        // Four bytes tell text from the number of a PCR.
        guard bytes.count >= 4 else {
            unread = bytes
            return
        }
        if unread.isEmpty || record == 0, LogFormat.isText(bytes.span) {
            let encoded = ASCIILog.encode(bytes, firstRecord: record)
            unread = []
            try allow(records: encoded.bytes, encoded.format)
            if let error = encoded.error { throw error }
            return
        }
        if record == 0 {
            do throws(LogError) {
                format = try LogFormat.detect(bytes.span)
            } catch {
                // The format shows by a whole record, which may take several shards.
                guard bytes.count <= LogLimits.standard.recordBytes else { throw error }
                unread = bytes
                return
            }
        }
        let end = try allow(records: bytes, format)
        unread = Array(bytes[end...])
    }

    /// Ends a log, so that another can follow.
    ///
    /// - Throws: `LogError` if it ended within a record.
    package mutating func endLog() throws(LogError) {
        if !unread.isEmpty, record == 0 { format = try LogFormat.detect(unread.span) }
        var rest = RecordReader(unread.span, format: format, firstRecord: record)
        _ = try rest.next()
        unread = []
        record = 0
    }

    @discardableResult
    private mutating func allow(records: [UInt8], _ format: LogFormat) throws(LogError) -> Int {
        let delimiter = LogDelimiter(format, limits: .standard)
        var offset = 0
        while case .record(let layout) = try delimiter.record(in: records.span, at: offset, number: record) {
            allow(layout, in: records)
            offset = layout.range.upperBound
            record += 1
        }
        return offset
    }

    private mutating func allow(_ record: RecordLayout, in bytes: [UInt8]) {
        let fields = RecordFields(record, in: bytes.span)
        let name = Array(bytes[fields.name])
        let digest = Array(bytes[fields.digest.range])
        if record.isViolation { return allowBootAggregate(record, in: bytes) }
        if fields.isCustom, fields.kind == .file { list(template: Array(bytes[record.templateName])) }
        switch fields.kind {
        case .file where fields.digest.type == .ima:
            add(digest, name, to: \.digests)
            if name != Self.bootAggregate { files[fields.digest.hash, default: 0] += 1 }
        case .buffer:
            let isKey = LearnedKey.read(Array(bytes[fields.buffer]), record: 0, firstSeen: 0) != nil
            add(digest, name, to: isKey ? \.keyrings : \.buffers)
            // It is judged as a file's, too.
            if fields.couldBeFile(in: bytes.span) { add(digest, name, to: \.digests) }
        case .file, .unknownTemplate, .malformed: return
        }
    }

    /// Lets the records of a custom template be judged: this host's kernel writes them.
    private mutating func list(template: [UInt8]) {
        if !base.assay.templates.contains(template) { base.assay.templates.append(template) }
    }

    private static let bootAggregate = Array("boot_aggregate".utf8)

    /// A boot_aggregate is listed also where its record reads like a violation: without a TPM it is zeros, as many as the
    /// kernel took. Such a digest lets no host pass that has a TPM.
    private mutating func allowBootAggregate(_ record: RecordLayout, in bytes: [UInt8]) {
        var reader = ByteReader(bytes.span.extracting(record.templateData))
        guard !record.isLegacy,
            let digest = try? reader.sized(by: UInt32.self, limit: 128, record.byteOrder),
            let name = try? reader.sized(by: UInt32.self, limit: 128, record.byteOrder),
            name == Self.bootAggregate + [0], let end = digest.firstIndex(of: 0)
        else { return }
        let value = Array(digest[(end + 1)...])
        if (20...64).contains(value.count) { add(value, Self.bootAggregate, to: \.digests) }
    }

    private mutating func add(_ digest: [UInt8], _ name: [UInt8], to entries: WritableKeyPath<PolicyDraft, Entries>) {
        if String(validating: name, as: UTF8.self) == nil {
            unlistable.insert(name)
        } else {
            self[keyPath: entries].add(digest, name)
        }
    }
}

/// Names and their digests, none twice.
private struct Entries {
    private var digests: [[UInt8]: [[UInt8]]] = [:]

    init(_ list: [PolicyDocument.Entry]) {
        for entry in list { digests[entry.name, default: []] += entry.digests }
    }

    mutating func add(_ digest: [UInt8], _ name: [UInt8]) {
        if digests[name]?.contains(digest) != true { digests[name, default: []].append(digest) }
    }

    var list: [PolicyDocument.Entry] { digests.map { .init(name: $0.key, digests: $0.value) } }
}
