/// What a policy that was made of a log lists, and what of it deserves a look before it judges anybody.
package struct PolicySurvey: Sendable {
    /// A keyring, and how many of its keys are listed.
    package struct Keyring: Hashable, Sendable {
        /// Its name.
        package let name: [UInt8]
        /// How many keys.
        package let keys: Int
    }

    /// How many paths it lists, without boot_aggregate.
    package let files: Int
    /// The keyrings that it lists keys of, sorted by name.
    package let keyrings: [Keyring]
    /// How many other buffers it lists.
    package let buffers: Int
    /// Whether it lists a boot_aggregate, which changes with the firmware.
    package let listsBootAggregate: Bool
    /// Files with several digests that no exclude fits, sorted.
    package let changing: [[UInt8]]
    /// Files in folders where users write that no exclude fits, sorted.
    package let usersOwn: [[UInt8]]
    /// Names that are no paths, sorted: whoever makes such a file chooses its name.
    package let unrooted: [[UInt8]]
    /// Expressions that fit files which will be others at the next boot, or have been others since this one: what an operator
    /// may want to exclude, knowing that whatever an exclude fits passes unseen.
    package let proposedExcludes: [[UInt8]]

    /// Where anybody, or a user without rights, may leave a file.
    private static let usersFolders = ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/", "/home/", "/root/"]
    /// What is emptied at a boot, or is in memory alone.
    private static let passingFolders = ["/dev/shm/", "/run/", "/tmp/", "/var/tmp/"]

    /// Looks through a policy.
    ///
    /// - Throws: `PolicyError` for excludes that can't be used.
    package init(of document: PolicyDocument) throws(PolicyError) {
        let excluded = try ExcludedPaths(of: document)
        let names = document.digests.filter { $0.name != LogContents.bootAggregate }
        let judged = names.filter { !excluded.contains($0.name) }
        let sorted = { (entries: [PolicyDocument.Entry]) in
            entries.map(\.name).sorted { $0.lexicographicallyPrecedes($1) }
        }
        files = names.count
        keyrings = document.keyrings.map { Keyring(name: $0.name, keys: $0.digests.count) }
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
        buffers = document.buffers.reduce(0) { $0 + $1.digests.count }
        listsBootAggregate = names.count < document.digests.count
        changing = sorted(judged.filter { $0.digests.count > 1 })
        usersOwn = sorted(judged.filter { Self.folder(of: $0.name, in: Self.usersFolders) != nil })
        unrooted = sorted(judged.filter { $0.name.first != UInt8(ascii: "/") })
        let passing = Set(judged.compactMap { Self.folder(of: $0.name, in: Self.passingFolders) })
        proposedExcludes =
            passing.sorted().map { Array($0.utf8) }
            + changing.filter { path in
                // A list of them has one a line.
                path.first == UInt8(ascii: "/") && Self.folder(of: path, in: Self.passingFolders) == nil
                    && !path.contains { $0 == 0x0a || $0 == 0x0d }
            }.map(Self.expression)
    }

    private static func folder(of path: [UInt8], in folders: [String]) -> String? {
        folders.first { path.starts(with: $0.utf8) }
    }

    /// An expression that fits one path and no other.
    private static func expression(of path: [UInt8]) -> [UInt8] {
        var expression: [UInt8] = []
        for byte in path {
            // A backslash before what is neither a letter nor a digit takes it as it is.
            let isSpecial = #"\^$.[|()?*+{"#.utf8.contains(byte)
            expression += isSpecial ? [UInt8(ascii: "\\"), byte] : [byte]
        }
        return expression + [UInt8(ascii: "$")]
    }
}
