internal import Bytes

/// The formats that came before runtime policies: a list of digests and paths as sha256sum prints it, and a JSON allowlist
/// with `hashes`; beside either a file of expressions to exclude.
package enum LegacyAllowlist {
    /// The number by which runtime policies say that they were made of such a list.
    private static let generator: Int64 = 3

    /// Makes a runtime policy of a list.
    ///
    /// - Parameters:
    ///   - allowlist: JSON or lines.
    ///   - excludes: expressions, one a line; nil for none.
    package static func convert(
        _ allowlist: [UInt8], excludes: [UInt8]? = nil
    ) throws(PolicyError) -> (document: PolicyDocument, warnings: [PolicyError.Fault]) {
        let isJSON = allowlist.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 } == UInt8(ascii: "{")
        var (document, warnings) = isJSON ? try json(allowlist) : try lines(allowlist)
        document.generator = generator
        for expression in ExcludeList.expressions(excludes ?? []) where !document.excludes.contains(expression) {
            document.excludes.append(expression)
        }
        document.sortOutExcludes()
        if let mixture = DigestMixture(of: document.digests) {
            warnings.append(.init(place: "digests", message: mixture.description))
        }
        return (document, warnings)
    }

    // MARK: - Lines

    /// A line of sha1sum's family: the digest, two blanks (or a blank and `*`), the path. A backslash in front says that
    /// backslashes and newlines of the path are escaped.
    private static func lines(
        _ text: [UInt8]
    ) throws(PolicyError) -> (document: PolicyDocument, warnings: [PolicyError.Fault]) {
        var document = PolicyDocument()
        var entries: [[UInt8]: [[UInt8]]] = [:]
        var faults: [PolicyError.Fault] = []
        for (index, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let trimmed = line.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
            guard let first = trimmed.first, first != UInt8(ascii: "#") else { continue }
            guard let (digest, path) = entry(trimmed) else {
                if faults.count < PolicyError.limit {
                    faults.append(.init(place: "line \(index + 1)", message: "a digest and a path are expected"))
                }
                continue
            }
            if entries[path]?.contains(digest) != true { entries[path, default: []].append(digest) }
        }
        guard faults.isEmpty else { throw PolicyError(faults) }
        document.digests = entries.map { .init(name: $0.key, digests: $0.value) }
        return (document, [])
    }

    private static func entry(_ line: ArraySlice<UInt8>) -> (digest: [UInt8], path: [UInt8])? {
        let isEscaped = line.first == UInt8(ascii: "\\")
        let parts = line.dropFirst(isEscaped ? 1 : 0).split(
            maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: { $0 == 0x20 || $0 == 0x09 })
        guard parts.count == 2, let digest = [UInt8](hexadecimal: parts[0]), (20...64).contains(digest.count) else {
            return nil
        }
        var path = parts[1].drop { $0 == 0x20 || $0 == 0x09 }
        if path.starts(with: Array("*/".utf8)) { path = path.dropFirst() }
        while path.last == 0x0d { path = path.dropLast() }
        guard !path.isEmpty, String(validating: path, as: UTF8.self) != nil else { return nil }
        // The kernel logs `_` for a blank: under a name with blanks nothing could ever match.
        return (digest, unescaped(path, isEscaped).map { $0 == 0x20 ? UInt8(ascii: "_") : $0 })
    }

    private static func unescaped(_ path: ArraySlice<UInt8>, _ isEscaped: Bool) -> [UInt8] {
        guard isEscaped else { return Array(path) }
        var result: [UInt8] = []
        var isBehindBackslash = false
        for byte in path {
            if isBehindBackslash {
                result.append(byte == UInt8(ascii: "n") ? 0x0a : byte)
                isBehindBackslash = false
            } else if byte == UInt8(ascii: "\\") {
                isBehindBackslash = true
            } else {
                result.append(byte)
            }
        }
        return result
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
