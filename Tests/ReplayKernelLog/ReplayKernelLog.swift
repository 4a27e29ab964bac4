import ArgumentParser
import Foundation
import StandInKernel
import TPMDevice
import Terminal

/// Stands in for a kernel in the demo: appends the records of a real kernel's log to a file, as securityfs would show
/// them, and extends a TPM with each, as the kernel did.
@main
struct ReplayKernelLog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay-kernel-log",
        abstract: "Append records of a log to a file and extend a TPM with each of them.")

    @Option(help: "The TPM, such as swtpm:host=127.0.0.1,port=2321.")
    var tcti: String

    @Option(help: ArgumentHelp("The file that plays binary_runtime_measurements.", valueName: "file"))
    var into: String

    @Option(help: ArgumentHelp("A binary log to take records from.", valueName: "file"))
    var log: String?

    @Option(help: "The first record to take.")
    var first: UInt64 = 0

    @Option(help: "How many records to take.")
    var count = UInt64.max

    @Option(
        name: .customLong("measure"),
        help: ArgumentHelp("Measure a file, as a kernel with the template ima-sig would.", valueName: "path"))
    var measured: String?

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("The path that the kernel saw; the file's own, unless given.", valueName: "path"))
    var name: String?

    func run() async throws {
        do {
            var records: [UInt8] = []
            if let log { records += try KernelRecords.cut(Self.content(of: log), from: first, count: count) }
            if let measured { records += KernelRecords.file(name ?? measured, content: try Self.content(of: measured)) }
            let kernel = StandInKernel(device: try TPMDevice(tcti: tcti), log: URL(filePath: into))
            try await kernel.measure(records)
        } catch {
            throw CommandFailure.unavailable(error)
        }
    }

    private static func content(of path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    static func main() async {
        await runCommand(Self.self)
    }
}
