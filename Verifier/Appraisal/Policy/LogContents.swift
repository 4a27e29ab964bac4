internal import Bytes
package import IMA

/// What a log holds that a policy can allow: files, keys and buffers, each name with its digests, none twice; and what
/// whoever makes a policy of it should know.
///
/// Records come in and are forgotten: what is kept grows with what the policy will list, not with the log.
package struct LogContents: Equatable, Sendable {
    /// The parts of a policy that a log fills.
    package enum Section: UInt8, CaseIterable, Sendable {
        /// Files' digests by path.
        case files
        /// Keys' digests by keyring.
        case keys
        /// Other buffers' digests by name.
        case buffers
    }

    /// How many records were of some kind.
    package struct Counts: Hashable, Sendable {
        /// Files, without boot_aggregate.
        package var files: UInt64 = 0
        /// Files without a signature: only their digests let them pass.
        package var unsigned: UInt64 = 0
        /// Violations, which tell nothing of a file's content.
        package var violations: UInt64 = 0

        /// None yet.
        package init() {}
    }

    /// What one entry takes beside its bytes, about.
    private static let overhead = 64

    /// Each entry is one array, so that a million of them take little, and a host that gives one name a million digests
    /// slows nobody down: section, name, digest, and the digest's length in one byte; 0 for a name alone.
    private var entries: Set<[UInt8]> = []
    /// Custom templates whose records are in here, in the log's order.
    package private(set) var templates: [[UInt8]] = []
    /// Names that aren't UTF-8, and so can't stand in JSON: only a signature or an exclude lets such a file pass.
    package private(set) var unlistable: Set<[UInt8]> = []
    /// Files' digests by their hash.
    package private(set) var hashes: [KernelHash: UInt64] = [:]
    /// How many records were of some kind.
    package private(set) var counts = Counts()
    /// Whether all of it is there: nothing was left out for want of room.
    package private(set) var isWhole = true
    private var room: Int

    /// Nothing yet.
    ///
    /// - Parameter limit: the memory that entries may take, in bytes, about.
    package init(limit: Int = .max) {
        room = limit
    }

    /// Adds a name with one of its digests.
    ///
    /// - Parameter digest: up to 64 bytes; empty for a name of which no digest is known.
    package mutating func add(_ name: [UInt8], _ digest: [UInt8], to section: Section) {
        guard String(validating: name, as: UTF8.self) != nil else {
            if !unlistable.contains(name), takeRoom(for: name) { unlistable.insert(name) }
            return
        }
        let entry = [section.rawValue] + name + digest + [UInt8(clamping: digest.count)]
        if !entries.contains(entry), takeRoom(for: entry) { entries.insert(entry) }
    }

    /// Adds names with their digests.
    package mutating func add(_ list: [PolicyDocument.Entry], to section: Section) {
        for entry in list {
            if entry.digests.isEmpty { add(entry.name, [], to: section) }
            for digest in entry.digests { add(entry.name, digest, to: section) }
        }
    }

    /// Notes a custom template whose records are to be judged: this host's kernel writes them.
    package mutating func add(template: [UInt8]) {
        if !templates.contains(template), takeRoom(for: template) { templates.append(template) }
    }

    /// Adds to the files of a hash.
    package mutating func add(_ count: UInt64, of hash: KernelHash) { hashes[hash, default: 0] &+= count }

    /// Adds to the counts of records.
    package mutating func add(_ more: Counts) {
        counts.files &+= more.files
        counts.unsigned &+= more.unsigned
        counts.violations &+= more.violations
    }

    /// Adds what another log holds.
    package mutating func add(_ other: LogContents) {
        other.forEach { section, name, digest in add(name, digest, to: section) }
        for template in other.templates { add(template: template) }
        for name in other.unlistable { add(name, [], to: .files) }
        for (hash, count) in other.hashes { add(count, of: hash) }
        add(other.counts)
        if !other.isWhole { isWhole = false }
    }

    /// How many entries there are.
    package var count: Int { entries.count }

    /// Whether both hold the same; how much more they would take isn't compared.
    package static func == (left: LogContents, right: LogContents) -> Bool {
        left.entries == right.entries && left.templates == right.templates && left.unlistable == right.unlistable
            && left.hashes == right.hashes && left.counts == right.counts && left.isWhole == right.isWhole
    }

    /// Visits each name with one of its digests, in no order.
    package func forEach(_ visit: (_ section: Section, _ name: [UInt8], _ digest: [UInt8]) throws -> Void) rethrows {
        for entry in entries {
            let end = entry.count - 1
            guard let first = entry.first, let section = Section(rawValue: first) else { continue }
            let start = end - Int(entry[end])
            try visit(section, Array(entry[1..<start]), Array(entry[start..<end]))
        }
    }

    /// A section as a policy has it: names with all of their digests, in no order.
    package func list(_ section: Section) -> [PolicyDocument.Entry] {
        var digests: [[UInt8]: [[UInt8]]] = [:]
        forEach { of, name, digest in
            if of == section { digests[name, default: []] += digest.isEmpty ? [] : [digest] }
        }
        return digests.map { .init(name: $0.key, digests: $0.value) }
    }

    private mutating func takeRoom(for bytes: [UInt8]) -> Bool {
        let size = bytes.count + Self.overhead
        guard room >= size else {
            isWhole = false
            return false
        }
        room -= size
        return true
    }
}

// MARK: - Records

extension LogContents {
    /// Takes what a record holds; one that can't be read adds nothing, a violation only its count.
    ///
    /// - Parameter fields: of this record.
    mutating func take(_ record: RecordLayout, _ fields: RecordFields, in bytes: Span<UInt8>) {
        if record.isViolation {
            counts.violations &+= 1
            return takeBootAggregate(record, in: bytes)
        }
        guard fields.kind == .file || fields.kind == .buffer else { return }
        let name = [UInt8](copying: bytes.extracting(fields.name))
        let digest = [UInt8](copying: bytes.extracting(fields.digest.range))
        guard fields.kind == .file else { return takeBuffer(fields, name, digest, in: bytes) }
        if fields.isCustom { add(template: [UInt8](copying: bytes.extracting(record.templateName))) }
        let isBootAggregate = name == Self.bootAggregate
        if !isBootAggregate {
            counts.files &+= 1
            if fields.signature.isEmpty, !fields.hasFurtherSignature { counts.unsigned &+= 1 }
        }
        // The digest of an fs-verity descriptor is none of the file's content.
        guard fields.digest.type == .ima else { return }
        add(name, digest, to: .files)
        if !isBootAggregate { add(1, of: fields.digest.hash) }
    }

    private mutating func takeBuffer(
        _ fields: RecordFields, _ name: [UInt8], _ digest: [UInt8], in bytes: Span<UInt8>
    ) {
        let buffer = [UInt8](copying: bytes.extracting(fields.buffer))
        let isKey = LearnedKey.read(buffer, record: 0, firstSeen: 0) != nil
        add(name, digest, to: isKey ? .keys : .buffers)
        // It is judged as a file's, too.
        if fields.couldBeFile(in: bytes) { add(name, digest, to: .files) }
    }

    static let bootAggregate = Array("boot_aggregate".utf8)

    /// A boot_aggregate is listed also where its record reads like a violation: without a TPM it is zeros, as many as the
    /// kernel took. Such a digest lets no host pass that has a TPM.
    private mutating func takeBootAggregate(_ record: RecordLayout, in bytes: Span<UInt8>) {
        var reader = ByteReader(bytes.extracting(record.templateData))
        guard !record.isLegacy,
            let digest = try? reader.sized(by: UInt32.self, limit: 128, record.byteOrder),
            let name = try? reader.sized(by: UInt32.self, limit: 128, record.byteOrder),
            name == Self.bootAggregate + [0], let end = digest.firstIndex(of: 0)
        else { return }
        let value = Array(digest[(end + 1)...])
        if (20...64).contains(value.count) { add(Self.bootAggregate, value, to: .files) }
    }
}
