package import Foundation

/// The committed fixtures, read in place: Tests/Fixtures, wherever the checkout is.
package enum Fixtures {
    /// The folder Tests/Fixtures; `ASSAY_FIXTURES` names another one, whose cases the conformance run reads.
    package static let folder =
        ProcessInfo.processInfo.environment["ASSAY_FIXTURES"].map { URL(filePath: $0) }
        ?? URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")

    /// A fixture's path.
    ///
    /// - Parameter path: relative to Tests/Fixtures.
    package static func path(_ path: String) -> String { folder.appending(path: path).path }

    /// A fixture's bytes.
    ///
    /// - Parameter path: relative to Tests/Fixtures.
    package static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: path)))
    }

    /// What an xz file among the fixtures holds.
    ///
    /// - Parameter path: relative to Tests/Fixtures.
    package static func unpacked(_ path: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["xz", "-dc", folder.appending(path: path).path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileReadCorruptFile) }
        return [UInt8](data)
    }

    /// The folders inside one, sorted by name.
    package static func folders(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(at: folder.appending(path: path), includingPropertiesForKeys: nil)
            .filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
            .map(\.lastPathComponent).sorted()
    }
}
