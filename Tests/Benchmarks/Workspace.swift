import Foundation

/// The folder in which logs and the built yardsticks are kept from run to run.
struct Workspace {
    private let folder: URL
    private let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Floor")

    init(_ path: String) throws {
        folder = URL(filePath: path)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// A log of the generator's.
    ///
    /// - Parameters:
    ///   - name: of its files.
    ///   - mix: as `make-ima-log --mix`; every signature is another.
    func log(_ name: String, records: Int, mix: String = "ng=100") throws -> Workload {
        let prefix = folder.appending(path: name).path
        if !FileManager.default.fileExists(atPath: prefix + ".expect.json") {
            let arguments = [
                "--out", prefix, "-n", "\(records)", "--mix", mix, "--sig-pool", "0", "--banks", "sha256",
            ]
            let child = try Child.run(sources.appending(path: "make-ima-log").path, arguments)
            guard child.status == 0 else { throw BenchmarkError("make-ima-log \(arguments) failed") }
        }
        return try Workload(prefix: prefix)
    }

    /// A yardstick, built.
    func floor(_ name: String) throws -> String {
        let program = folder.appending(path: name).path
        let source = sources.appending(path: name + ".c").path
        let child = try Child.run("cc", ["-O2", "-o", program, source, "-lcrypto"])
        guard child.status == 0 else { throw BenchmarkError("\(name).c doesn't build") }
        return program
    }

    /// A file for something that a benchmark makes.
    func file(_ name: String) -> URL { folder.appending(path: name) }
}
