internal import AssayCrypto
package import IMA

/// What a measurement log tells of the host's set-up, gathered in one pass: a walk through the kernel's list costs more
/// the longer it is, and must not be made twice.
package struct LogSurvey: Sendable {
    /// Whole records.
    package private(set) var records: UInt64 = 0
    /// Their bytes.
    package private(set) var bytes: UInt64 = 0
    /// Files, without `boot_aggregate`.
    package private(set) var files: UInt64 = 0
    /// Those whose template has room for a signature.
    package private(set) var filesWithSignatureField: UInt64 = 0
    /// Those that have one.
    package private(set) var signedFiles: UInt64 = 0
    /// Records whose digest is worthless: the file was open for writing.
    package private(set) var violations: UInt64 = 0
    /// Templates of file records, in the order of their first record.
    package private(set) var templates: [[UInt8]] = []
    /// Keyrings on which a certificate was loaded, in the order of their first record.
    package private(set) var keyrings: [[UInt8]] = []
    /// What record 0 is.
    package private(set) var beginning = Beginning.nothing

    /// Record 0 of a boot is the aggregate of the boot PCRs.
    package enum Beginning: Hashable, Sendable {
        /// There is no record.
        case nothing
        /// `boot_aggregate`, as it should be.
        case bootAggregate
        /// `boot_aggregate` of zeros: IMA found no TPM when it started, and extended none.
        case withoutTPM
        /// Another record.
        case other
    }

    private var tail: [UInt8] = []
    private var delimiter: LogDelimiter?

    /// More names than any host has; a log that makes up names doesn't fill the memory.
    private static let maximumNames = 256

    /// Nothing read yet.
    package init() {}

    /// Takes the bytes that follow.
    package mutating func take(_ chunk: ArraySlice<UInt8>) throws(LogError) {
        tail.append(contentsOf: chunk)
        guard let delimiter = try format() else { return }
        var taken: [UInt8] = []
        swap(&taken, &tail)
        let span = taken.span
        var end = 0
        while case .record(let layout) = try delimiter.record(in: span, at: end, number: records) {
            note(layout, in: span)
            end = layout.range.upperBound
        }
        bytes += UInt64(end)
        tail = Array(taken[end...])
    }

    /// Bytes at the end that are less than a record.
    package var leftOver: Int { tail.count }

    /// Whether they are no record of any kind.
    package var isMalformed: Bool { delimiter == nil && !tail.isEmpty }

    private mutating func format() throws(LogError) -> LogDelimiter? {
        if let delimiter { return delimiter }
        do throws(LogError) {
            delimiter = LogDelimiter(try LogFormat.detect(tail.span))
        } catch  where tail.count < LogLimits.standard.recordBytes {
            return nil
        }
        return delimiter
    }

    private mutating func note(_ layout: RecordLayout, in span: Span<UInt8>) {
        let fields = RecordFields(layout, in: span)
        let isFirst = records == 0
        records += 1
        if fields.isViolation { violations += 1 }
        if isFirst { beginning = .other }
        switch fields.kind {
        case .file
        where Self.equal(span.extracting(fields.name), "boot_aggregate")
            || Self.equal(span.extracting(fields.name), "boot_aggregate_late"):
            guard isFirst else { return }
            let digest = span.extracting(fields.digest.range)
            beginning = Self.isZero(digest) ? .withoutTPM : .bootAggregate
        case .file:
            files += 1
            guard let template = Template(name: span.extracting(layout.templateName)) else { return }
            Self.keep(span.extracting(layout.templateName), in: &templates)
            if template.hasRoomForSignature { filesWithSignatureField += 1 }
            if !fields.signature.isEmpty { signedFiles += 1 }
        case .buffer:
            // A key is known by its bytes alone: nothing else marks it (ima_asymmetric_keys.c).
            guard span.extracting(fields.buffer).first == 0x30,
                (try? Certificate(der: span.extracting(fields.buffer).array)) != nil
            else { return }
            Self.keep(span.extracting(fields.name), in: &keyrings)
        case .unknownTemplate, .malformed: return
        }
    }

    private static func keep(_ name: Span<UInt8>, in names: inout [[UInt8]]) {
        for known in names where known.count == name.count {
            if name.indices.allSatisfy({ known[$0] == name[$0] }) { return }
        }
        if names.count < maximumNames { names.append(name.array) }
    }

    private static func equal(_ name: Span<UInt8>, _ text: StaticString) -> Bool {
        guard name.count == text.utf8CodeUnitCount else { return false }
        return name.indices.allSatisfy { name[$0] == text.utf8Start[$0] }
    }

    private static func isZero(_ bytes: Span<UInt8>) -> Bool { bytes.indices.allSatisfy { bytes[$0] == 0 } }
}

extension Template {
    /// Whether a file's signature shows in its record, of whatever kind it is.
    package var hasRoomForSignature: Bool {
        contains(.signature) || contains(.appendedSignature) || contains(.evmSignature)
    }
}

extension Span<UInt8> {
    fileprivate var first: UInt8? { isEmpty ? nil : self[0] }
    fileprivate var array: [UInt8] { indices.map { self[$0] } }
}
