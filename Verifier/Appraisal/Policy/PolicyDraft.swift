package import AssayCrypto
package import IMA

/// A policy in the making, out of what is trusted: hosts' logs, files, keys, and a policy to extend.
package struct PolicyDraft {
    private var base: PolicyDocument
    /// What the policy that is extended allows, and what was added.
    private var contents = LogContents()
    /// The beginning of a record that goes on in the next shard, and the form of the log that it is of.
    private var unread: [UInt8] = []
    private var format = LogFormat()
    private var record: UInt64 = 0

    /// Allows what a policy allows; nothing, if it is new.
    package init(extending base: PolicyDocument = PolicyDocument()) {
        self.base = base
        contents.add(base.digests, to: .files)
        contents.add(base.keyrings, to: .keys)
        contents.add(base.buffers, to: .buffers)
    }

    /// The policy.
    package var document: PolicyDocument {
        var document = base
        document.digests = contents.list(.files)
        document.keyrings = contents.list(.keys)
        document.buffers = contents.list(.buffers)
        document.assay.templates += contents.templates.filter { !base.assay.templates.contains($0) }
        return document
    }

    /// Names that aren't UTF-8, and so can't stand in JSON: only a signature or an exclude lets such a file pass.
    package var unlistable: Set<[UInt8]> { contents.unlistable }

    /// The hash of most files' digests so far: that of the logs, else of the policy that is extended; nil if there are
    /// none.
    package var digestAlgorithm: HashAlgorithm? {
        if let hash = contents.hashes.max(by: { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) })?.key {
            return hash.algorithm
        }
        let size = base.digests.lazy.filter { $0.name != LogContents.bootAggregate }.flatMap(\.digests).first?.count
        return PCRBank.allCases.first { $0.digestSize == size }?.algorithm
    }

    /// Allows a file's content.
    ///
    /// - Parameter path: as the file system has it; the kernel logs `_` for each blank in it.
    package mutating func allow(file path: [UInt8], digest: Digest) {
        contents.add(path.map(Self.logged), digest.bytes, to: .files)
    }

    /// Allows a key on a keyring.
    ///
    /// - Parameter key: the certificate or key as the kernel is given it, in DER.
    package mutating func allow(key: [UInt8], on keyring: [UInt8], hash: HashAlgorithm) throws(CryptoError) {
        contents.add(keyring.map(Self.logged), try hash.digest(of: key).bytes, to: .keys)
    }

    /// A byte of a name as the kernel logs it.
    private static func logged(_ byte: UInt8) -> UInt8 { byte == 0x20 ? UInt8(ascii: "_") : byte }

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
    /// Allows what a log was found to hold.
    package mutating func allow(_ found: LogContents) { contents.add(found) }

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
            contents.take(layout, RecordFields(layout, in: records.span), in: records.span)
            offset = layout.range.upperBound
            record += 1
        }
        return offset
    }
}
