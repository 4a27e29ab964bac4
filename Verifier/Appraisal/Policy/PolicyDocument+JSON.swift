package import AssayCrypto
internal import Bytes

extension PolicyDocument {
    /// Reads a plain policy's text, or that in an envelope if signers are named.
    ///
    /// - Returns: the policy, and what its author should look at.
    package static func read(
        _ source: [UInt8], signers: [PublicKey] = []
    ) throws(PolicyError) -> (document: PolicyDocument, warnings: [PolicyError.Fault]) {
        let reader = try PolicyReader.read(source, .signature(signers))
        return (reader.document, reader.warnings)
    }

    /// The policy as a runtime policy v1, names and digests sorted: the same policy is the same bytes.
    package var json: [UInt8] {
        var meta: [JSON.Member] = [.init("version", .integer(1)), .init("generator", .integer(generator))]
        if let timestamp { meta.append(.init("timestamp", .string(timestamp))) }
        var members: [JSON.Member] = [
            .init("meta", .object(meta)), .init("release", .integer(0)), .init("digests", Self.json(digests)),
            .init("excludes", Self.json(excludes)), .init("keyrings", Self.json(keyrings)), .init("ima", imaSection),
            .init("ima-buf", Self.json(buffers)), .init("verification-keys", .string(verificationKeys)),
        ]
        if assay != PolicyRules() { members.append(.init("assay", .object(assay.members))) }
        return JSONWriter.text(.object(members))
    }

    private var imaSection: JSON {
        var members: [JSON.Member] = []
        if let ignoredKeyrings { members.append(.init("ignored_keyrings", Self.json(ignoredKeyrings))) }
        if let logHash { members.append(.init("log_hash_alg", .string(Array(logHash.description.utf8)))) }
        return .object(members + [.init("dm_policy", .null)])
    }

    private static func json(_ entries: [Entry]) -> JSON {
        .object(
            entries.sorted { $0.name.lexicographicallyPrecedes($1.name) }.map { entry in
                let digests = entry.digests.map { Array($0.hexadecimal.utf8) }
                return .init(entry.name, json(digests.sorted { $0.lexicographicallyPrecedes($1) }))
            })
    }

    fileprivate static func json(_ list: [[UInt8]]) -> JSON { .array(list.map(JSON.string)) }
}

extension PolicyRules {
    fileprivate var members: [JSON.Member] {
        var members: [JSON.Member] = []
        if !violationPaths.isEmpty {
            var rules: [JSON.Member] = []
            if let violations { rules.append(.init("default", Self.json(violations))) }
            let paths = violationPaths.map { rule in
                JSON.object([.init("glob", .string(rule.glob)), .init("action", Self.json(rule.action))])
            }
            members.append(.init("violations", .object(rules + [.init("paths", .array(paths))])))
        } else if let violations {
            members.append(.init("violations", Self.json(violations)))
        }
        if let unlistedKeyrings { members.append(.init("unlisted_keyrings", Self.json(unlistedKeyrings))) }
        if !fileKeyrings.isEmpty { members.append(.init("file_keyrings", PolicyDocument.json(fileKeyrings))) }
        if !excludeGlobs.isEmpty { members.append(.init("exclude_globs", PolicyDocument.json(excludeGlobs))) }
        if !unrootedNames.isEmpty { members.append(.init("unrooted_names", PolicyDocument.json(unrootedNames))) }
        if !templates.isEmpty { members.append(.init("templates", PolicyDocument.json(templates))) }
        if let paddedBanks { members.append(.init("padded_banks", Self.json(paddedBanks))) }
        if !pcrs.isEmpty { members.append(.init("pcrs", .object(pcrMembers))) }
        return members
    }

    private var pcrMembers: [JSON.Member] {
        Set(pcrs.map(\.pcr)).sorted().map { pcr in
            let banks = pcrs.filter { $0.pcr == pcr }.map { rule in
                JSON.Member(
                    Array(rule.bank.utf8), PolicyDocument.json(rule.values.map { Array($0.hexadecimal.utf8) }))
            }
            return JSON.Member("\(pcr)", .object(banks))
        }
    }

    private static func json(_ action: PolicyAction) -> JSON { .string(Array(action.description.utf8)) }
}

extension JSON.Member {
    init(_ key: [UInt8], _ value: JSON) { self.init(key: key, value: value) }

    init(_ key: String, _ value: JSON) { self.init(key: Array(key.utf8), value: value) }
}
