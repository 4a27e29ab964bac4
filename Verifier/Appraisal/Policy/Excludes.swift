/// The paths that a policy leaves out: regular expressions, sorted out into prefixes where that is all they ask, and
/// globs.
struct Excludes: Sendable {
    /// Whether an expression excludes every path.
    private(set) var excludesEverything = false
    /// Sorted, and none begins with another: at most the last one not above a path can be its prefix.
    private var prefixes: [[UInt8]] = []
    private var regexes: [ByteRegex] = []
    private var globs: [Glob] = []

    /// Compiles expressions and globs, or says which don't compile. What matches everything is told apart as a warning.
    init(regexes patterns: [[UInt8]], globs: [[UInt8]], warnings: inout [PolicyError.Fault]) throws(PolicyError) {
        var faults: [PolicyError.Fault] = []
        let matcher = RegexMatcher()
        for (index, pattern) in patterns.enumerated() {
            if let reason = Self.unfittingReason(pattern) {
                warnings.append(.init(place: "excludes[\(index)]", message: "\(quoted(pattern)) \(reason)"))
            }
            do throws(ByteRegex.CompileError) {
                if try add(pattern, matcher) {
                    warnings.append(
                        .init(place: "excludes[\(index)]", message: "\(quoted(pattern)) excludes every path"))
                }
            } catch {
                faults.append(
                    .init(
                        place: "excludes[\(index)]",
                        message: "\(quoted(pattern)) doesn't compile: \(error.message) at offset \(error.offset)"))
            }
        }
        for (index, pattern) in globs.enumerated() {
            let glob = Glob(pattern)
            guard let prefix = glob.prefix else {
                self.globs.append(glob)
                continue
            }
            prefixes.append(prefix)
            if prefix.isEmpty {
                warnings.append(
                    .init(place: "assay.exclude_globs[\(index)]", message: "\(quoted(pattern)) excludes every path"))
            }
        }
        guard faults.isEmpty else { throw PolicyError(faults) }
        settlePrefixes()
    }

    /// Whether a path is excluded.
    func contains(_ path: Span<UInt8>, _ matcher: RegexMatcher) -> Bool {
        if excludesEverything { return true }
        if !prefixes.isEmpty, hasPrefix(path) { return true }
        if !regexes.isEmpty {
            let isMatch = path.withUnsafeBytes { bytes in
                for regex in regexes where matcher.matches(regex, bytes) { return true }
                return false
            }
            if isMatch { return true }
        }
        for glob in globs where glob.matches(path) { return true }
        return false
    }

    /// Adds an expression; true if it excludes everything.
    private mutating func add(_ pattern: [UInt8], _ matcher: RegexMatcher) throws(ByteRegex.CompileError) -> Bool {
        if let prefix = Self.prefix(of: pattern) {
            prefixes.append(prefix)
            return prefix.isEmpty
        }
        let regex = try ByteRegex(pattern)
        regexes.append(regex)
        return ["", "/", "/x\u{1}/Zy 7", "memfd:x"].allSatisfy { probe in
            Array(probe.utf8).withUnsafeBytes { matcher.matches(regex, $0) }
        }
    }

    /// The bytes that an expression asks a path to begin with, if that is all it asks: it has no metacharacter, but for
    /// a `^` before, a `.*` behind, and escaped punctuation within.
    private static func prefix(of pattern: [UInt8]) -> [UInt8]? {
        var rest = pattern[...]
        if rest.first == UInt8(ascii: "^") { rest.removeFirst() }
        if rest.suffix(2) == Array(".*".utf8)[...], rest.dropLast(2).last != UInt8(ascii: "\\") { rest.removeLast(2) }
        var prefix: [UInt8] = []
        var isEscaped = false
        for byte in rest {
            if isEscaped {
                guard !isAlphanumeric(byte), byte < 0x80 else { return nil }
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            } else if ".^$*+?()[]{}|#".utf8.contains(byte) {
                return nil
            }
            prefix.append(byte)
        }
        return isEscaped ? nil : prefix
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }

    private mutating func settlePrefixes() {
        excludesEverything = prefixes.contains([])
        var settled: [[UInt8]] = []
        for prefix in prefixes.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            if let last = settled.last, prefix.starts(with: last) { continue }
            settled.append(prefix)
        }
        prefixes = settled
    }

    private func hasPrefix(_ path: Span<UInt8>) -> Bool {
        var low = 0
        var high = prefixes.count
        while low < high {
            let middle = (low + high) / 2
            switch compare(prefixes[middle], path) {
            case .isPrefix: return true
            case .before: low = middle + 1
            case .behind: high = middle
            }
        }
        return false
    }

    private enum Order { case before, isPrefix, behind }

    private func compare(_ prefix: [UInt8], _ path: Span<UInt8>) -> Order {
        for index in 0..<min(prefix.count, path.count) where prefix[index] != path[index] {
            return prefix[index] < path[index] ? .before : .behind
        }
        return prefix.count <= path.count ? .isPrefix : .behind
    }
}
