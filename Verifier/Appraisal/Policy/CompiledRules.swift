internal import Bytes

/// The part of a compiled policy that isn't a table: read into values once, when the blob is loaded.
struct CompiledRules: Hashable, Sendable {
    var excludes: [[UInt8]] = []
    var ignoredKeyrings: [[UInt8]] = []
    var verificationKeys: [UInt8] = []
    var assay = PolicyRules()

    init(_ document: PolicyDocument) {
        excludes = document.excludes
        ignoredKeyrings = document.ignoredKeyrings ?? []
        verificationKeys = document.verificationKeys
        assay = document.assay
    }

    /// Reads the section.
    init(_ bytes: Span<UInt8>) throws {
        var reader = ByteReader(bytes)
        excludes = try Self.list(&reader)
        ignoredKeyrings = try Self.list(&reader)
        verificationKeys = try Self.text(&reader)
        assay.violations = try Self.action(&reader)
        for _ in 0..<(try Self.count(&reader)) {
            let glob = try Self.text(&reader)
            guard let action = try Self.action(&reader) else { throw CompiledPolicy.refusal("an unknown action") }
            assay.violationPaths.append(.init(glob: glob, action: action))
        }
        assay.unlistedKeyrings = try Self.action(&reader)
        assay.fileKeyrings = try Self.list(&reader)
        assay.excludeGlobs = try Self.list(&reader)
        for _ in 0..<(try Self.count(&reader)) {
            let pcr = Int(try reader.u8())
            let bank = String(decoding: try Self.text(&reader), as: UTF8.self)
            assay.pcrs.append(.init(pcr: pcr, bank: bank, values: try Self.list(&reader)))
        }
        assay.unrootedNames = try Self.list(&reader)
        assay.templates = try Self.list(&reader)
        try reader.finish()
    }

    /// The section's bytes.
    var bytes: [UInt8] {
        var writer = ByteWriter()
        Self.write(excludes, &writer)
        Self.write(ignoredKeyrings, &writer)
        writer.sized(by: UInt32.self, verificationKeys, .little)
        writer.u8(assay.violations?.rawValue ?? 0xff)
        writer.integer(UInt32(assay.violationPaths.count), .little)
        for rule in assay.violationPaths {
            writer.sized(by: UInt32.self, rule.glob, .little)
            writer.u8(rule.action.rawValue)
        }
        writer.u8(assay.unlistedKeyrings?.rawValue ?? 0xff)
        Self.write(assay.fileKeyrings, &writer)
        Self.write(assay.excludeGlobs, &writer)
        writer.integer(UInt32(assay.pcrs.count), .little)
        for rule in assay.pcrs {
            writer.u8(UInt8(clamping: rule.pcr))
            writer.sized(by: UInt32.self, Array(rule.bank.utf8), .little)
            Self.write(rule.values, &writer)
        }
        Self.write(assay.unrootedNames, &writer)
        Self.write(assay.templates, &writer)
        return writer.bytes
    }

    private static func write(_ list: [[UInt8]], _ writer: inout ByteWriter) {
        writer.integer(UInt32(list.count), .little)
        for text in list { writer.sized(by: UInt32.self, text, .little) }
    }

    private static func list(_ reader: inout ByteReader) throws -> [[UInt8]] {
        var list: [[UInt8]] = []
        for _ in 0..<(try count(&reader)) { list.append(try text(&reader)) }
        return list
    }

    private static func count(_ reader: inout ByteReader) throws -> Int {
        Int(try reader.integer(UInt32.self, .little))
    }

    private static func text(_ reader: inout ByteReader) throws -> [UInt8] {
        try reader.sized(by: UInt32.self, limit: reader.remaining, .little)
    }

    /// An action; nil where the policy doesn't say.
    private static func action(_ reader: inout ByteReader) throws -> PolicyAction? {
        let code = try reader.u8()
        guard code != 0xff else { return nil }
        guard let action = PolicyAction(rawValue: code) else { throw CompiledPolicy.refusal("an unknown action") }
        return action
    }
}
