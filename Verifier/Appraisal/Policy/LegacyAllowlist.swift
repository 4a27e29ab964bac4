internal import Bytes

/// The formats that came before runtime policies: a list of digests and paths as sha256sum prints it (``AllowlistEntry``), and
/// a JSON allowlist with `hashes`; beside either a list of expressions to exclude.
package enum LegacyAllowlist {
    /// The number by which runtime policies say that they were made of such a list.
    private static let generator: Int64 = 3

    /// Makes a runtime policy of a list.
    ///
    /// - Parameters:
    ///   - allowlist: JSON or lines.
    ///   - excludes: expressions; nil for none.
    /// - Throws: `PolicyError` for whatever would keep the policy from being loaded, too.
    package static func convert(
        _ allowlist: [UInt8], excludes: ExcludeList? = nil
    ) throws(PolicyError) -> (document: PolicyDocument, warnings: [PolicyError.Fault]) {
        if let problem = encodingProblem(allowlist) { throw PolicyError(place: "file", problem) }
        let allowlist = allowlist.withoutByteOrderMark
        let isJSON = allowlist.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 } == UInt8(ascii: "{")
        var (document, warnings) = isJSON ? try json(allowlist) : try lines(allowlist)
        document.generator = generator
        try excludes?.add(to: &document.excludes)
        document.sortOutExcludes()
        if let mixture = DigestMixture(of: document.digests) {
            warnings.append(.init(place: "digests", message: mixture.description))
        }
        return (document, warnings)
    }

    // MARK: - Lines

    /// A list with a NUL at its end is one of entries that end with one (`sha256sum -z`): their names are as they are, newlines
    /// and all. In any other, blank lines and those that begin with `#` say nothing.
    private static func lines(
        _ text: [UInt8]
    ) throws(PolicyError) -> (document: PolicyDocument, warnings: [PolicyError.Fault]) {
        let isZeroTerminated = text.last == 0
        var document = PolicyDocument()
        var entries: [[UInt8]: [[UInt8]]] = [:]
        var faults: [PolicyError.Fault] = []
        let lines = text.split(separator: isZeroTerminated ? 0 : 0x0a, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let trimmed = isZeroTerminated ? line : line.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
            guard let first = trimmed.first, isZeroTerminated || first != UInt8(ascii: "#") else { continue }
            do throws(AllowlistEntry.Problem) {
                let entry = try AllowlistEntry(trimmed, isZeroTerminated: isZeroTerminated)
                if entries[entry.path]?.contains(entry.digest) != true {
                    entries[entry.path, default: []].append(entry.digest)
                }
            } catch {
                guard faults.count < PolicyError.limit else { continue }
                let kind = isZeroTerminated ? "entry" : "line"
                faults.append(.init(place: "\(kind) \(index + 1)", message: error.text))
            }
        }
        guard faults.isEmpty else { throw PolicyError(faults) }
        document.digests = entries.map { .init(name: $0.key, digests: $0.value) }
        return (document, [])
    }

    // MARK: - JSON

    /// A JSON allowlist differs from a runtime policy in its `hashes`, and in what it may leave out.
    private static func json(
        _ source: [UInt8]
    ) throws(PolicyError) -> (document: PolicyDocument, warnings: [PolicyError.Fault]) {
        let json = try JSONParser.parse(policy: source)
        guard case .object(let members) = json else {
            throw PolicyError(place: "allowlist", "an object is expected, not \(json.kind)")
        }
        guard members.contains(where: { $0.key == Array("hashes".utf8) }) else {
            throw PolicyError(place: "allowlist", "hashes are missing; a runtime policy needs no conversion")
        }
        return try PolicyReader.readAllowlist(members)
    }
}
