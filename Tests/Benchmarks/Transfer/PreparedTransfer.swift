import Bytes
import Foundation
import TestSupport

/// An agent that has stored its log, is enrolled, and waits for the word to attest.
final class PreparedTransfer {
    let agent = Process()
    private let (input, output) = (Pipe(), Pipe())
    private let transfer: Transfer
    private let log: TransferTopic.Log
    private let before: ProcessUsage

    init(_ transfer: Transfer, _ log: TransferTopic.Log, port: Int) throws {
        self.transfer = transfer
        self.log = log
        agent.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        agent.arguments = [
            "agent-process", "\(port)", transfer.certificates.folder.path, log.file,
            transfer.folder.appending(path: "shards").path, "\(log.pcr)",
        ]
        agent.standardInput = input
        agent.standardOutput = output
        try agent.run()
        let key = try Self.line(output)
        guard let publicArea = [UInt8](hexadecimal: key) else { throw BenchmarkError("the agent says \(key)") }
        try transfer.verifier.enrol(publicArea)
        before = try transfer.verifier.usage
    }

    func begin() throws { try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8)) }

    func finish() throws -> Transfer.Cost {
        let report = try JSONDecoder().decode(AgentProcess.Report.self, from: Data(try Self.line(output).utf8))
        let after = try transfer.verifier.usage
        agent.waitUntilExit()
        try FileManager.default.removeItem(at: transfer.folder.appending(path: "shards"))
        guard report.tier == "affirming", report.bytes == UInt64(log.bytes) else { throw BenchmarkError("\(report)") }
        return Transfer.Cost(agent: report, verifierCPU: after.cpu - before.cpu, verifierPeak: after.peak)
    }

    private static func line(_ pipe: Pipe) throws -> String {
        var text: [UInt8] = []
        while let byte = try pipe.fileHandleForReading.read(upToCount: 1)?.first, byte != 10 { text.append(byte) }
        return String(decoding: text, as: UTF8.self)
    }
}
