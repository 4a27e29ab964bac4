/// Regular expressions over names, sorted out into prefixes where that is all they ask.
struct Expressions: Sendable {
    /// What is to be known of one of them while a policy is checked.
    struct Facts {
        /// Its place in the list.
        let index: Int
        /// Its text, quoted.
        let text: String
        /// Whether a name that it fits can begin with `/`.
        let fitsPaths: Bool
        /// Whether every name that it fits does.
        let fitsOnlyPaths: Bool
        /// Whether whatever it fits has a blank.
        let demandsBlank: Bool
        /// Whether it fits each of some names.
        let fits: ([String]) -> Bool
    }

    /// Whether one of them fits every name.
    private var fitsEverything = false
    /// Sorted, and none begins with another: at most the last one not above a name can be its prefix.
    private var prefixes: [[UInt8]] = []
    private var regexes: [ByteRegex] = []

    /// Compiles expressions, or says which don't compile.
    ///
    /// - Parameters:
    ///   - place: the policy's member.
    ///   - look: is told of each expression that compiles.
    init(_ patterns: [[UInt8]], place: String, _ look: (Facts) -> Void) throws(PolicyError) {
        var faults: [PolicyError.Fault] = []
        let matcher = RegexMatcher()
        for (index, pattern) in patterns.enumerated() {
            do throws(ByteRegex.CompileError) {
                let single = try Expressions(pattern)
                prefixes += single.prefixes
                regexes += single.regexes
                let first = try FirstBytes(of: pattern)
                let facts = Facts(
                    index: index, text: quoted(pattern), fitsPaths: first.contains(UInt8(ascii: "/")),
                    fitsOnlyPaths: first == .some([UInt8(ascii: "/")]), demandsBlank: Self.demandsBlank(pattern),
                    fits: { names in names.allSatisfy { single.fit(Array($0.utf8).span, matcher) } })
                look(facts)
            } catch {
                faults.append(
                    .init(
                        place: "\(place)[\(index)]",
                        message: "\(quoted(pattern)) doesn't compile: \(error.message) at offset \(error.offset)"))
            }
        }
        guard faults.isEmpty else { throw PolicyError(faults) }
        settlePrefixes()
    }

    private init(_ pattern: [UInt8]) throws(ByteRegex.CompileError) {
        if let prefix = Self.prefix(of: pattern) {
            prefixes.append(prefix)
        } else {
            regexes.append(try ByteRegex(pattern))
        }
        settlePrefixes()
    }

    /// Adds a literal prefix.
    mutating func add(prefix: [UInt8]) {
        prefixes.append(prefix)
        settlePrefixes()
    }

    /// Whether one of them fits a name.
    func fit(_ name: Span<UInt8>, _ matcher: RegexMatcher) -> Bool {
        if fitsEverything { return true }
        if !prefixes.isEmpty, hasPrefix(name) { return true }
        guard !regexes.isEmpty else { return false }
        return name.withUnsafeBytes { bytes in
            for regex in regexes where matcher.matches(regex, bytes) { return true }
            return false
        }
    }

    /// The bytes that an expression asks a name to begin with, if that is all it asks: it has no metacharacter, but for
    /// a `^` before, a `.*` behind, and escaped punctuation within.
    static func prefix(of pattern: [UInt8]) -> [UInt8]? {
        var rest = pattern[...]
        if rest.suffix(2) == Array(".*".utf8)[...], rest.dropLast(2).last != UInt8(ascii: "\\") { rest.removeLast(2) }
        let literal = LiteralPrefix(of: rest)
        return literal.isWhole ? literal.bytes : nil
    }

    private mutating func settlePrefixes() {
        fitsEverything = prefixes.contains([])
        var settled: [[UInt8]] = []
        for prefix in prefixes.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            if let last = settled.last, prefix.starts(with: last) { continue }
            settled.append(prefix)
        }
        prefixes = settled
    }

    private func hasPrefix(_ name: Span<UInt8>) -> Bool {
        var low = 0
        var high = prefixes.count
        while low < high {
            let middle = (low + high) / 2
            switch compare(prefixes[middle], name) {
            case .isPrefix: return true
            case .before: low = middle + 1
            case .behind: high = middle
            }
        }
        return false
    }

    private enum Order { case before, isPrefix, behind }

    private func compare(_ prefix: [UInt8], _ name: Span<UInt8>) -> Order {
        for index in 0..<min(prefix.count, name.count) where prefix[index] != name[index] {
            return prefix[index] < name[index] ? .before : .behind
        }
        return prefix.count <= name.count ? .isPrefix : .behind
    }
}

/// The bytes with which a name may begin that an expression fits.
enum FirstBytes: Equatable {
    /// It may be any.
    case any
    /// One of these.
    case some(Set<UInt8>)

    /// Of an expression, as far as can be told.
    init(of pattern: [UInt8]) throws(ByteRegex.CompileError) {
        if let prefix = Expressions.prefix(of: pattern) {
            self = prefix.first.map { .some([$0]) } ?? .any
        } else {
            self = try ByteRegex.firstBytes(of: pattern)
        }
    }

    /// Whether it may be this one.
    func contains(_ byte: UInt8) -> Bool {
        switch self {
        case .any: true
        case .some(let bytes): bytes.contains(byte)
        }
    }
}

/// The literal bytes with which an expression begins: whatever it matches begins with them.
struct LiteralPrefix {
    /// The bytes, without escapes.
    private(set) var bytes: [UInt8] = []
    /// Whether the expression is nothing else.
    private(set) var isWhole = true

    init(of pattern: ArraySlice<UInt8>) {
        var rest = pattern
        if rest.first == UInt8(ascii: "^") { rest.removeFirst() }
        var isEscaped = false
        for byte in rest {
            if isEscaped {
                guard !Self.isAlphanumeric(byte), byte < 0x80 else {
                    isWhole = false
                    break
                }
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            } else if ".^$*+?()[]{}|#".utf8.contains(byte) {
                isWhole = false
                // A quantifier is of the byte before it, which then needn't be there.
                if "*?{".utf8.contains(byte), !bytes.isEmpty { bytes.removeLast() }
                break
            }
            bytes.append(byte)
        }
        if isEscaped { isWhole = false }
        // Of alternatives each begins in its own way, if they aren't those of a group.
        if !isWhole, !Self.alternativesAreGrouped(rest) { bytes = [] }
    }

    private static func alternativesAreGrouped(_ pattern: ArraySlice<UInt8>) -> Bool {
        guard pattern.contains(UInt8(ascii: "|")) else { return true }
        // Where brackets may be no groups, counting them tells nothing.
        guard !pattern.contains(UInt8(ascii: "[")), !pattern.contains(UInt8(ascii: "\\")),
            !pattern.contains(UInt8(ascii: "#"))
        else { return false }
        var depth = 0
        for byte in pattern {
            switch byte {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: "|") where depth < 1: return false
            default: break
            }
        }
        return true
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}
