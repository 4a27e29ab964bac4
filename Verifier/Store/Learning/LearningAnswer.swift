package import Appraisal
package import AssayCrypto
import Bytes
import IMA

/// What a round came to that read an agent's whole log for a policy to be made of it.
package struct LearningAnswer: Equatable, Sendable {
    /// What there is to be learned.
    package enum Lesson: Equatable, Sendable {
        /// What the records hold that the quote vouches for.
        case contents(LogContents)
        /// Nothing: the log doesn't lead to the quote, so it proves nothing.
        case unproved
        /// Nothing: it holds more than a server keeps in memory.
        case tooLarge
    }

    /// What there is to be learned.
    package let lesson: Lesson
    /// The boot epoch, as the quote tells it.
    package let resetCount: UInt32
    /// Records that the quote vouched for.
    package let appraisedRecords: UInt64
    /// The verdict under the policy that judges, its content hash (nil for no policy), and what was found.
    package let tier: Tier
    package let policyHash: Digest?
    package let findings: Findings
    /// In seconds since 1970.
    package let givenAt: Int64

    /// What a round came to.
    package init(
        _ lesson: Lesson, resetCount: UInt32, appraisedRecords: UInt64, tier: Tier, policyHash: Digest?,
        findings: Findings, givenAt: Int64
    ) {
        self.lesson = lesson
        self.resetCount = resetCount
        self.appraisedRecords = appraisedRecords
        self.tier = tier
        self.policyHash = policyHash
        self.findings = findings
        self.givenAt = givenAt
    }
}

extension LearningAnswer: StoredValue {
    static let layout: UInt8 = 1

    private enum Word: String {
        case contents, unproved
        case tooLarge = "too_large"
    }

    init(reading reader: inout ByteReader) throws {
        let word = try reader.word(Word.self)
        resetCount = try reader.integer()
        appraisedRecords = try reader.integer()
        tier = try reader.word()
        policyHash = try reader.optional { try $0.digest() }
        givenAt = try reader.time()
        findings = try StoredFindings(reading: &reader).findings
        lesson =
            switch word {
            case .contents: .contents(try LogContents(reading: &reader))
            case .unproved: .unproved
            case .tooLarge: .tooLarge
            }
    }

    func write(to writer: inout ByteWriter) {
        writer.word(word)
        writer.integer(resetCount)
        writer.integer(appraisedRecords)
        writer.word(tier)
        writer.optional(policyHash) { $0.digest($1) }
        writer.time(givenAt)
        StoredFindings(findings).write(to: &writer)
        if case .contents(let contents) = lesson { contents.write(to: &writer) }
    }

    private var word: Word {
        switch lesson {
        case .contents: .contents
        case .unproved: .unproved
        case .tooLarge: .tooLarge
        }
    }
}

extension LogContents {
    fileprivate init(reading reader: inout ByteReader) throws {
        self.init()
        for _ in 0..<(try reader.integer(UInt32.self)) {
            guard let section = Section(rawValue: try reader.u8()) else { throw DamagedValue("an unknown section") }
            let name = try reader.field()
            add(name, try reader.digest().bytes, to: section)
        }
        for template in try reader.list({ try $0.field() }) { add(template: template) }
        for name in try reader.list({ try $0.field() }) { add(name, [], to: .files) }
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let number = try reader.u8()
            guard let hash = KernelHash(rawValue: number) else { throw DamagedValue("an unknown hash, \(number)") }
            add(try reader.integer(UInt64.self), of: hash)
        }
        var counts = Counts()
        counts.files = try reader.integer()
        counts.unsigned = try reader.integer()
        counts.violations = try reader.integer()
        add(counts)
    }

    fileprivate func write(to writer: inout ByteWriter) {
        writer.integer(UInt32(clamping: count))
        forEach { section, name, digest in
            writer.u8(section.rawValue)
            writer.field(name)
            writer.sized(by: UInt8.self, digest)
        }
        writer.list(templates) { $0.field($1) }
        writer.list(unlistable) { $0.field($1) }
        writer.integer(UInt32(clamping: hashes.count))
        for (hash, count) in hashes {
            writer.u8(hash.rawValue)
            writer.integer(count)
        }
        writer.integer(counts.files)
        writer.integer(counts.unsigned)
        writer.integer(counts.violations)
    }
}
