/// The paths that a policy in the making leaves out, as an appraisal by it would.
package struct ExcludedPaths {
    private let excludes: Excludes
    private let matcher = RegexMatcher()

    /// Compiles a policy's expressions and globs.
    package init(of document: PolicyDocument) throws(PolicyError) {
        var warnings: [PolicyError.Fault] = []
        excludes = try Excludes(of: document.excludes, document.assay, warnings: &warnings)
    }

    /// Whether a file is left out.
    ///
    /// - Parameter path: as the file system has it; the kernel logs `_` for each blank in it.
    package func contains(_ path: [UInt8]) -> Bool {
        let logged = path.map { $0 == 0x20 ? UInt8(ascii: "_") : $0 }
        return excludes.contains(logged.span, matcher)
    }
}
