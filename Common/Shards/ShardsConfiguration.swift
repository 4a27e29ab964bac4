package import SystemPackage

/// `/etc/ima-shards.conf`: where a host keeps its shards, for every program that writes or reads them.
///
/// Lines of `key = value`; empty lines and those that begin with `#` don't count; a key that is unknown is for others.
/// There is one key: `directory`, an absolute path.
package struct ShardsConfiguration: Hashable, Sendable {
    /// The folder of all epochs.
    package let directory: FilePath

    /// Where the file is.
    package static let path: FilePath = "/etc/ima-shards.conf"
    /// Where the shards are if there is no file.
    package static let standardDirectory: FilePath = "/var/lib/ima-shards"

    /// Reads the text of a configuration.
    package init(_ text: String, path: FilePath = Self.path) throws(ShardError) {
        var directory: FilePath?
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in lines.enumerated() {
            let line = line.trimmed
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let sides = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2 else {
                throw ShardError(.configuration, path: path.string, problem: "line \(number + 1) isn't \"key = value\"")
            }
            guard sides[0].trimmed == "directory" else { continue }
            let value = FilePath(String(sides[1].trimmed))
            guard value.isAbsolute, directory == nil else {
                let problem = "line \(number + 1): directory must be one absolute path"
                throw ShardError(.configuration, path: path.string, problem: problem)
            }
            directory = value
        }
        self.directory = directory ?? Self.standardDirectory
    }

    /// Reads the host's configuration; what is standard if there is none.
    package static func read(_ path: FilePath = Self.path) throws(ShardError) -> ShardsConfiguration {
        let folder = ShardFolder(
            path: path.removingLastComponent(), permissions: ShardPermissions(), observe: { _ in })
        guard let name = path.lastComponent?.string, let bytes = try folder.content(name, limit: 1 << 16) else {
            return try ShardsConfiguration("", path: path)
        }
        return try ShardsConfiguration(String(decoding: bytes, as: UTF8.self), path: path)
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" }
        guard let last = lastIndex(where: { !blank($0) }) else { return "" }
        return self[...last].drop(while: blank)
    }
}
