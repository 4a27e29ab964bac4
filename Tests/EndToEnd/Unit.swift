import Foundation
import TestSupport

/// A unit of systemd's as the package has it: the settings of its sections, in order (systemd.syntax(7)).
struct Unit {
    /// All that the packages have.
    static let all = ["assay-agent.service", "assay-shards-clean.service", "assay-verifier.service"]

    private let settings: [(key: Substring, value: String)]
    /// The file.
    let path: String

    private static let repository = Fixtures.folder.deletingLastPathComponent().deletingLastPathComponent()

    init(_ name: String) throws {
        let side = name == "assay-verifier.service" ? "Verifier" : "Agent"
        try self.init(path: Self.repository.appending(path: "\(side)/Packaging/\(name)").path)
    }

    init(path: String) throws {
        self.path = path
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

    /// Starts what the unit starts, as it was built beside the tests, with the system calls that the unit leaves it.
    ///
    /// - Parameter arguments: behind the unit's own.
    func start(_ arguments: [String], in folder: URL) throws -> Program {
        guard self["ExecStart"].count == 1, let command = self["ExecStart"].first?.split(separator: " "),
            let program = command.first
        else { throw Unexpected("\(path) doesn't start one command") }
        let built = Program.path(of: URL(filePath: String(program)).lastPathComponent)
        return try confined([built] + command.dropFirst().map(String.init) + arguments, in: folder)
    }

    /// Starts a program with the system calls that the unit leaves its own.
    func confined(_ command: [String], in folder: URL) throws -> Program {
        try Program(
            path: Self.repository.appending(path: "Tests/Services/confine").path, [path] + command, in: folder)
    }

    /// A copy in a folder with the programs as they were built beside the tests, changed in some way.
    @discardableResult
    func copy(into folder: URL, changed: (String) -> String = { $0 }) throws -> Unit {
        let copy = folder.appending(path: URL(filePath: path).lastPathComponent)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let built = URL(filePath: Program.path(of: "assay-agent")).deletingLastPathComponent().path
        try Data(changed(text.replacing("/usr/bin/", with: built + "/")).utf8).write(to: copy)
        return try Unit(path: copy.path)
    }
}
