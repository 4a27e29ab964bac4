extension PolicyDocument {
    /// Moves the expressions that fit no path from the excludes to `assay.unrooted_names`: those of other tools' policies
    /// fit any name. One that fits boot_aggregate stays: among the excludes it opens record 0 and nothing else. One that
    /// doesn't compile stays, for whoever compiles it to tell.
    mutating func sortOutExcludes() {
        var paths: [[UInt8]] = []
        for expression in excludes {
            guard Self.isOfUnrootedNames(expression) else {
                paths.append(expression)
                continue
            }
            if !assay.unrootedNames.contains(expression) { assay.unrootedNames.append(expression) }
        }
        excludes = paths
    }

    private static func isOfUnrootedNames(_ expression: [UInt8]) -> Bool {
        var isSo = false
        _ = try? Expressions([expression], place: "excludes") { isSo = !$0.fitsPaths && !$0.fits(["boot_aggregate"]) }
        return isSo
    }
}
