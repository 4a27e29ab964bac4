import Appraisal
import AssayCrypto
import Attester
import Bytes
import Foundation
import IMA
import Messages
import NIOCore
import Shards
import SlowLink
import SystemPackage
import TPM
import TestSupport
import Transport

/// A log's way from an agent to its verdict: both programs as processes, TLS over loopback and over a slow link, against
/// the same log appraised offline.
enum TransferTopic: Topic {
    static let name = "transfer"
    private static let roundTrip = TimeAmount.milliseconds(100)
    private static let bitsPerSecond = 100e6

    static func rows(_ bench: Bench) throws -> [Row] {
        let workload = try bench.workspace.log(
            bench.isQuick ? "ng-100k" : "ng-1M", records: bench.isQuick ? 100_000 : 1_000_000)
        let certificates = try TestPKI()
        defer { certificates.remove() }
        var rows = try rows(
            bench, workload, certificates, Log(file: workload.logFile, pcr: workload.pcr, bytes: workload.log.count),
            bench.isQuick ? "100k records" : "1M records")
        if !bench.isQuick {
            let long = try Log.repeating(workload, times: 6, in: bench.workspace.file("ng-1G.bin"))
            rows += try self.rows(bench, workload, certificates, long, "1 GB")
        }
        return try rows + [overhead(workload)]
    }

    /// A log's file, and what it leads to.
    struct Log {
        let file: String
        let pcr: Digest
        let bytes: Int

        /// A log again and again, as kernels write it that know no duplicates: long, and judged by the same policy.
        static func repeating(_ workload: Workload, times: Int, in file: URL) throws -> Log {
            var replay = PCRReplay(banks: [.sha256], pcrs: [10])
            _ = FileManager.default.createFile(atPath: file.path, contents: nil)
            let handle = try FileHandle(forWritingTo: file)
            defer { try? handle.close() }
            for _ in 0..<times {
                var reader = RecordReader(workload.log.span, format: LogFormat())
                while let record = try reader.next() { _ = replay.extend(record, in: workload.log.span) }
                try handle.write(contentsOf: workload.log)
            }
            guard let pcr = replay.value(.sha256, 10) else { throw BenchmarkError("no PCR 10") }
            return Log(file: file.path, pcr: pcr, bytes: times * workload.log.count)
        }
    }

    private static func rows(
        _ bench: Bench, _ workload: Workload, _ certificates: TestPKI, _ log: Log, _ label: String
    ) throws -> [Row] {
        let folder = bench.workspace.file("transfer-\(getpid())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let verifier = try VerifierProcess(
            bench.verifier, in: folder, certificates: certificates, workload: workload)
        defer { verifier.stop() }
        let small = try head(of: workload, in: folder)
        let bench = Transfer(folder: folder, certificates: certificates, verifier: verifier)
        // The policy is read by the first session and stays.
        _ = try bench.run(small, port: verifier.port)
        let idle = try verifier.usage.peak
        let direct = try bench.run(log, port: verifier.port)
        let bulk = try BulkTLS.decryptingSeconds(log)
        let port = verifier.port
        let link = try awaiting {
            try await SlowLink(to: port, roundTrip: roundTrip, bitsPerSecond: bitsPerSecond)
        }
        let far = try bench.run(log, port: link.port)
        let linkSeconds = Double(link.bytesSent) * 8 / bitsPerSecond
        try awaiting { await link.close() }
        let turns = try Pair(rounds: 5) {
            let (transfer, offline) = try takingTurns(bench, workload, log)
            return (transfer, offline + bulk)
        }
        let size = String(format: "%.0f MB", Double(log.bytes) / 1e6)
        return [
            Row(
                work: "\(label) over loopback TLS, the verifier's CPU", value: turns.cost,
                bound: .atMost(must: 1.5, aim: 1.25), ours: seconds(turns.medianOurs),
                yardstick: "offline \(seconds(turns.medianYardstick - bulk)) + decrypting \(seconds(bulk))"),
            Row(
                work: "  on the wall", value: direct.agent.wall / direct.verifierCPU, bound: .told,
                ours: "\(seconds(direct.agent.wall)) for \(size)",
                yardstick: "verifier's CPU \(seconds(direct.verifierCPU))"),
            Row(
                work: "  the agent's CPU", value: direct.agent.cpu / direct.verifierCPU, bound: .told,
                ours: seconds(direct.agent.cpu), yardstick: "verifier's CPU \(seconds(direct.verifierCPU))"),
            Row(
                work: "  the verifier's peak memory over that of 200 records", value: direct.verifierPeak - idle,
                unit: " MiB", bound: .atMost(must: 64, aim: 32), ours: mebibytes(direct.verifierPeak),
                yardstick: "200 records \(mebibytes(idle))"),
            Row(
                work: "  the agent's peak memory, its log read and stored", value: direct.agent.peak, unit: " MiB",
                bound: .atMost(must: 128, aim: 64), ours: mebibytes(direct.agent.peak), yardstick: ""),
            Row(
                work: "  at 100 Mbit/s and 100 ms, on the wall", value: far.agent.wall / linkSeconds,
                bound: .atMost(must: 1.3, aim: 1.15), ours: seconds(far.agent.wall),
                yardstick: "the link alone \(seconds(linkSeconds))"),
        ]
    }

    private static func seconds(_ value: Double) -> String { String(format: "%.2f s", value) }
    private static func mebibytes(_ value: Double) -> String { String(format: "%.1f MiB", value) }

    /// The first records of a log, as a log of their own.
    private static func head(of workload: Workload, in folder: URL) throws -> Log {
        var replay = PCRReplay(banks: [.sha256], pcrs: [10])
        var reader = RecordReader(workload.log.span, format: LogFormat())
        var end = 0
        for _ in 0..<200 {
            guard let record = try reader.next() else { break }
            _ = replay.extend(record, in: workload.log.span)
            end = record.range.upperBound
        }
        guard let pcr = replay.value(.sha256, 10) else { throw BenchmarkError("no PCR 10") }
        let file = folder.appending(path: "head.bin")
        try Data(workload.log[..<end]).write(to: file)
        return Log(file: file.path, pcr: pcr, bytes: end)
    }

    /// Both on one processor, and by turns: a virtual machine's processors are halves of one core, each of which slows
    /// the other down, and what its neighbours do changes from second to second.
    ///
    /// - Returns: seconds of CPU, the verifier's for a transfer and those of an appraisal of the log's file.
    private static func takingTurns(
        _ bench: Transfer, _ workload: Workload, _ log: Log
    ) throws -> (transfer: Double, offline: Double) {
        let transfer = try PreparedTransfer(bench, log, port: bench.verifier.port)
        let offline = Process()
        offline.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        offline.arguments = Stream.arguments(compiled: workload.compiledFile, pcr: log.pcr, log: log.file)
        let output = Pipe()
        offline.standardOutput = output
        try offline.run()
        let turns = Turns([bench.verifier.process, transfer.agent], [offline])
        try turns.pinToOneProcessor()
        try transfer.begin()
        turns.take(slice: 0.1)
        let cost = try transfer.finish()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        offline.waitUntilExit()
        return (cost.verifierCPU, try Stream.numbers(String(decoding: text, as: UTF8.self)).appraisal)
    }

    /// What the messages of a transfer have beside the records: as they are handed to TLS.
    private static func overhead(_ workload: Workload) throws -> Row {
        let nonce = [UInt8](repeating: 1, count: 32)
        let challenge = Challenge(
            round: 1, nonce: nonce, banks: [.sha256], pcrs: PCRSet([10]), firstRecord: 0, shardBytes: 1 << 20, window: 8
        )
        var session = AttesterSession(
            binding: .init(agentID: Array("web-1".utf8), attestationKeyName: nonce, exporter: nonce))
        var bytes = 0
        let tpm = try SyntheticTPM()
        let delimiter = LogDelimiter(LogFormat())
        let count = try delimiter.wholeRecords(in: workload.log.span, number: 0, maximumRecords: .max)
        var offset = 0
        var pending = session.receive(.challenge(challenge))[...]
        while let action = pending.popFirst() {
            switch action {
            case .send(let message):
                bytes += try message.frame(limit: 4 << 20).readableBytes
                if case .logShard(let shard) = message, shard.moreDataPending {
                    pending += session.receive(
                        .shardCredit(
                            ShardCredit(
                                round: 1, nextRecord: shard.firstRecord + UInt64(shard.recordCount), window: 8)))
                }
            case .quote(let data, let selection, _):
                var values = PCRValues()
                for bank in selection.banks {
                    for pcr in bank.pcrs.indices { values[bank.bank, pcr] = workload.pcr }
                }
                let quote = try tpm.quote(
                    qualifyingData: data, selection: selection, values: values,
                    clock: ClockInfo(clock: 1, resetCount: 1, restartCount: 0, isSafe: true))
                pending += session.quoted(
                    quote,
                    log: .init(firstRecord: 0, nextRecord: UInt64(count.count), bytes: UInt64(workload.log.count)))
            case .readShard(let first, _, let maximum):
                let rest = workload.log.span.extracting(offset..<min(offset + maximum, workload.log.count))
                let whole = try delimiter.wholeRecords(in: rest, number: first, maximumRecords: .max)
                let records = Array(workload.log[offset..<offset + whole.end])
                offset += whole.end
                pending += session.read(records, count: UInt32(whole.count), first: first)
            case .progress, .certificate, .verdict: break
            case .close(let reason, _): throw BenchmarkError("\(reason)")
            }
        }
        guard offset == workload.log.count else { throw BenchmarkError("\(offset) bytes sent") }
        let beside = bytes - offset
        return Row(
            work: "bytes handed to TLS beside the records", value: Double(beside) / Double(offset) * 100, unit: " %",
            bound: .atMost(must: 0.1, aim: 0.05), ours: "\(beside) B", yardstick: "\(offset) B of records")
    }
}

/// Attestations of one agent to one verifier.
struct Transfer {
    let folder: URL
    let certificates: TestPKI
    let verifier: VerifierProcess

    struct Cost {
        let agent: AgentProcess.Report
        let verifierCPU: Double
        let verifierPeak: Double
    }

    /// Attests a whole log, as an agent does of which the verifier knows nothing.
    func run(_ log: TransferTopic.Log, port: Int) throws -> Cost {
        let transfer = try PreparedTransfer(self, log, port: port)
        try transfer.begin()
        return try transfer.finish()
    }
}

/// The yardstick of a transfer: what libcrypto needs to decrypt its bytes, in TLS records, and nothing else.
private enum BulkTLS {
    /// CPU seconds of the side that receives.
    static func decryptingSeconds(_ log: TransferTopic.Log) throws -> Double {
        let rates = try (0..<3).map { _ in try rate() }
        return Double(log.bytes) / (rates.max() ?? .nan)
    }

    /// Bytes a second.
    private static func rate() throws -> Double {
        let child = try Child.run(
            "openssl",
            ["speed", "-mr", "-evp", "aes-256-gcm", "-decrypt", "-bytes", "16384", "-seconds", "1"])
        // `+F:22:AES-256-GCM:5215420416.00`, bytes a second.
        let line = child.output.split(separator: "\n").first { $0.hasPrefix("+F:") }
        guard let rate = line?.split(separator: ":").last.flatMap({ Double($0) }), rate > 0 else {
            throw BenchmarkError("openssl speed: \(child.output)")
        }
        return rate
    }
}
