import Foundation
import TestSupport

/// A unit of systemd's as the package has it: the settings of its sections, in order (systemd.syntax(7)).
struct Unit {
    private let settings: [(key: Substring, value: String)]
    /// The file.
    let path: String

    init(_ name: String) throws {
        let repository = Fixtures.folder.deletingLastPathComponent().deletingLastPathComponent()
        path = repository.appending(path: "Agent/Packaging/\(name)").path
        settings = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").compactMap { line in
            guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { return nil }
            return (line[..<equals], String(line[line.index(after: equals)...]))
        }
    }

    /// The values of a setting, which may stand more than once.
    subscript(_ key: String) -> [String] { settings.filter { $0.key == key }.map(\.value) }

    /// The words of all values of a setting.
    func words(_ key: String) -> Set<String> {
        Set(self[key].flatMap { $0.split(separator: " ").map(String.init) })
    }
}
