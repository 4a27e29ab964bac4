extension PolicyDocument {
    /// Moves the expressions that fit no path from the excludes to `assay.unrooted_names`: those of other tools' policies
    /// fit any name. One that doesn't compile stays, for whoever compiles it to tell.
    mutating func sortOutExcludes() {
        var paths: [[UInt8]] = []
        for expression in excludes {
            guard let first = try? FirstBytes(of: expression), !first.contains(UInt8(ascii: "/")) else {
                paths.append(expression)
                continue
            }
            if !assay.unrootedNames.contains(expression) { assay.unrootedNames.append(expression) }
        }
        excludes = paths
    }
}
