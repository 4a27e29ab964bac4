internal import Bytes

/// What one policy allows and another doesn't, by section and name.
package struct PolicyDifference: Hashable, Sendable {
    /// One difference.
    package struct Change: Hashable, Sendable, CustomStringConvertible {
        /// Whether the second policy has it, and not the first.
        package let isAdded: Bool
        /// Where, such as `digests["/bin/x"]`.
        package let place: String
        /// What.
        package let value: String

        /// One line: `+` or `-`, place, value.
        package var description: String { "\(isAdded ? "+" : "-") \(place): \(value)" }
    }

    /// The differences, section by section, names sorted.
    package private(set) var changes: [Change] = []

    /// Compares two policies.
    package init(from old: PolicyDocument, to new: PolicyDocument) {
        compare("digests", old.digests, new.digests)
        compare("excludes", list(old.excludes), list(new.excludes))
        compare("keyrings", old.keyrings, new.keyrings)
        compare("ima-buf", old.buffers, new.buffers)
        compare("ima.ignored_keyrings", list(old.ignoredKeyrings ?? []), list(new.ignoredKeyrings ?? []))
        compare("verification-keys", text(old.verificationKeys), text(new.verificationKeys))
        compare(old.assay, new.assay)
    }

    private mutating func compare(_ section: String, _ old: [PolicyDocument.Entry], _ new: [PolicyDocument.Entry]) {
        let (before, after) = (Self.byName(old), Self.byName(new))
        for name in Set(before.keys).union(after.keys).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let place = "\(section)[\(quoted(name))]"
            let (was, now) = (before[name] ?? [], after[name] ?? [])
            // A name without digests is listed all the same: what is measured under it has another digest.
            if was.isEmpty, now.isEmpty, before[name] == nil || after[name] == nil {
                changes.append(Change(isAdded: before[name] == nil, place: place, value: "no digest"))
            }
            compare(place, was, now)
        }
    }

    private mutating func compare(_ old: PolicyRules, _ new: PolicyRules) {
        compare("assay.violations", action(old.violations), action(new.violations))
        let rules = { (rules: PolicyRules) in Set(rules.violationPaths.map { "\(quoted($0.glob)) \($0.action)" }) }
        compare("assay.violations.paths", rules(old), rules(new))
        compare("assay.unlisted_keyrings", action(old.unlistedKeyrings), action(new.unlistedKeyrings))
        compare("assay.file_keyrings", list(old.fileKeyrings), list(new.fileKeyrings))
        compare("assay.exclude_globs", list(old.excludeGlobs), list(new.excludeGlobs))
        compare("assay.unrooted_names", list(old.unrootedNames), list(new.unrootedNames))
        compare("assay.templates", list(old.templates), list(new.templates))
        compare("assay.padded_banks", action(old.paddedBanks), action(new.paddedBanks))
        let pcrs = { (rules: PolicyRules) in
            Set(rules.pcrs.flatMap { rule in rule.values.map { "\(rule.pcr) \(rule.bank) \($0.hexadecimal)" } })
        }
        compare("assay.pcrs", pcrs(old), pcrs(new))
    }

    private mutating func compare(_ place: String, _ old: Set<String>, _ new: Set<String>) {
        for value in old.subtracting(new).sorted() {
            changes.append(Change(isAdded: false, place: place, value: value))
        }
        for value in new.subtracting(old).sorted() { changes.append(Change(isAdded: true, place: place, value: value)) }
    }

    private static func byName(_ entries: [PolicyDocument.Entry]) -> [[UInt8]: Set<String>] {
        Dictionary(entries.map { ($0.name, Set($0.digests.map(\.hexadecimal))) }) { $0.union($1) }
    }

    private func list(_ values: [[UInt8]]) -> Set<String> { Set(values.map(quoted)) }

    private func text(_ value: [UInt8]) -> Set<String> { value.isEmpty ? [] : [quoted(value)] }

    private func action(_ value: PolicyAction?) -> Set<String> { value.map { [$0.description] } ?? [] }
}
