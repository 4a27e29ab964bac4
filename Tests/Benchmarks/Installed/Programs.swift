import Foundation

/// Both programs as a package has them: stripped.
struct Programs {
    let agent: URL
    let verifier: URL

    /// - Parameters:
    ///   - folder: where they were built.
    ///   - copies: where the stripped ones are put.
    init(builtIn folder: URL, strippedInto copies: URL) throws {
        try FileManager.default.createDirectory(at: copies, withIntermediateDirectories: true)
        (agent, verifier) = (copies.appending(path: "assay-agent"), copies.appending(path: "assay-verifier"))
        for program in all {
            let source = folder.appending(path: program.lastPathComponent).path
            let child = try Child.run("strip", ["--strip-unneeded", "-o", program.path, source])
            guard child.status == 0 else { throw BenchmarkError("\(source) can't be stripped") }
        }
    }

    var all: [URL] { [agent, verifier] }

    /// Seconds of the wall and of the processor from a program's start to its end, with nothing to do.
    static func start(_ program: URL) throws -> (wall: Double, cpu: Double) {
        // A shell starts them: it adds less than anything else would, and the same to each.
        let count = 20
        let loop = "i=0; while [ $i -lt \(count) ]; do \"$0\" --version; i=$((i + 1)); done >/dev/null"
        var cpu = 0.0
        let wall = try Clock.wall.least(of: 1) {
            let child = try Child.run("sh", ["-c", loop, program.path])
            guard child.status == 0 else { throw BenchmarkError("\(program.path) --version failed") }
            cpu = child.cpu
        }
        return (wall / Double(count), cpu / Double(count))
    }
}
