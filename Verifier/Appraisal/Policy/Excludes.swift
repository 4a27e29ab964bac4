/// The files that a policy leaves out: paths by regular expressions and globs, and what has no path by expressions of
/// their own over its name.
///
/// A name that begins with `/` is a path of the file system. Any other is its maker's choice: a memfd's, or that of a file
/// on a mount of a user's own, which no path leads to.
final class Excludes: Sendable {
    private let paths: Expressions
    private let globs: [Glob]
    private let unrooted: Expressions

    /// Compiles expressions and globs, or says which don't compile.
    ///
    /// - Parameters:
    ///   - unrootedNames: expressions over names that don't begin with `/`.
    ///   - warnings: takes what the policy's author should look at.
    init(
        regexes: [[UInt8]], globs: [[UInt8]], unrootedNames: [[UInt8]] = [], warnings: inout [PolicyError.Fault]
    ) throws(PolicyError) {
        var faults: [PolicyError.Fault] = []
        var notes: [PolicyError.Fault] = []
        func compiled(
            _ patterns: [[UInt8]], _ place: String, _ note: (Expressions.Facts) -> String?
        ) -> Expressions? {
            do throws(PolicyError) {
                return try Expressions(patterns, place: place) { facts in
                    guard let message = note(facts) else { return }
                    notes.append(.init(place: "\(place)[\(facts.index)]", message: facts.text + message))
                }
            } catch {
                faults += error.faults
                return nil
            }
        }
        let ofPaths = compiled(regexes, "excludes", Self.note(ofExclude:))
        let ofOthers = compiled(unrootedNames, "assay.unrooted_names", Self.note(ofUnrootedName:))
        warnings += notes
        notes = []
        guard let ofPaths, let ofOthers else { throw PolicyError(faults) }
        var paths = ofPaths
        var others: [Glob] = []
        for (index, pattern) in globs.enumerated() {
            let glob = Glob(pattern)
            if let message = Self.note(of: glob) {
                notes.append(.init(place: "assay.exclude_globs[\(index)]", message: quoted(pattern) + message))
            }
            if let prefix = glob.prefix { paths.add(prefix: prefix) } else { others.append(glob) }
        }
        warnings += notes
        self.paths = paths
        self.globs = others
        unrooted = ofOthers
    }

    /// Compiles what a policy excludes.
    ///
    /// - Parameter warnings: as above.
    convenience init(
        of regexes: [[UInt8]], _ rules: PolicyRules, warnings: inout [PolicyError.Fault]
    ) throws(PolicyError) {
        try self.init(
            regexes: regexes, globs: rules.excludeGlobs, unrootedNames: rules.unrootedNames, warnings: &warnings)
    }

    /// Whether a file passes unseen: because its path is excluded, or because it has none and its name is let pass.
    func contains(_ name: Span<UInt8>, _ matcher: RegexMatcher) -> Bool {
        guard name.beginsWithSlash else { return unrooted.fit(name, matcher) }
        if paths.fit(name, matcher) { return true }
        for glob in globs where glob.matches(name) { return true }
        return false
    }

    /// Whether the boot_aggregate that begins an epoch is excluded: any of the expressions may say so.
    func containsBootAggregate(_ name: Span<UInt8>, _ matcher: RegexMatcher) -> Bool {
        if paths.fit(name, matcher) || unrooted.fit(name, matcher) { return true }
        for glob in globs where glob.matches(name) { return true }
        return false
    }
}

// MARK: - What a policy's author should look at

extension Excludes {
    private static let somePaths = ["/", "/x\u{1}/Zy 7"]
    private static let someOtherNames = ["x\u{1}Zy 7", "memfd:x"]
    private static let noPath = " can fit no path: all begin with /; other names pass by assay.unrooted_names alone"

    private static func note(ofExclude facts: Expressions.Facts) -> String? {
        if facts.fits(somePaths) { return " excludes every path" }
        guard !facts.fitsPaths else {
            return facts.demandsBlank ? " can fit no path: the kernel logs _ for a blank" : nil
        }
        return facts.fits(["boot_aggregate"]) ? nil : noPath
    }

    private static func note(ofUnrootedName facts: Expressions.Facts) -> String? {
        if facts.fitsOnlyPaths { return " fits nothing: the names that this is about don't begin with /" }
        if facts.fits(["boot_aggregate"]), !facts.fits(["boot_aggregate."]) {
            return " lets the boot_aggregate that begins a log pass, whatever its value"
        }
        let which = facts.fits(someOtherNames) ? "any file at all" : "any file so named"
        return " lets \(which) pass that has no path: every user of a host can make one (memfd_create, their own mount)"
    }

    private static func note(of glob: Glob) -> String? {
        if glob.prefix?.isEmpty == true || glob.prefix == [UInt8(ascii: "/")] { return " excludes every path" }
        return glob.fitsPaths ? nil : noPath
    }
}

extension Span<UInt8> {
    /// Whether a name in a log is a path of the file system.
    var beginsWithSlash: Bool { !isEmpty && self[0] == UInt8(ascii: "/") }
}
