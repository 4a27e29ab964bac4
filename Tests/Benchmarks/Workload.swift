import Appraisal
import AssayCrypto
import Bytes
import Foundation
import Offline

/// A log with its policy and the PCR that it leads to.
struct Workload {
    let prefix: String
    let log: [UInt8]
    let policy: Policy
    let pcr: Digest

    private struct PCRs: Decodable {
        let final: [String: String]
    }

    init(prefix: String) throws {
        self.prefix = prefix
        log = [UInt8](try Data(contentsOf: URL(filePath: prefix + ".bin")))
        policy = try Self.policy(prefix)
        let pcrs = try JSONDecoder().decode(PCRs.self, from: Data(contentsOf: URL(filePath: prefix + ".pcrs.json")))
        let value = pcrs.final["sha256"].flatMap { [UInt8](hexadecimal: $0) }.flatMap { Digest($0) }
        guard let value else { throw BenchmarkError("\(prefix).pcrs.json has no PCR of sha256") }
        pcr = value
    }

    var logFile: String { prefix + ".bin" }
    var policyFile: String { prefix + ".policy.json" }
    var compiledFile: String { prefix + ".policy.compiled" }
    var quote: QuotedPCRs { QuotedPCRs(.sha256, 10, pcr) }

    /// The compiled policy is kept beside the log: reading that of a million paths takes longer than what is measured.
    private static func policy(_ prefix: String) throws -> Policy {
        let file = URL(filePath: prefix + ".policy.compiled")
        if let blob = try? Data(contentsOf: file), let policy = try? Policy(compiled: [UInt8](blob)) { return policy }
        let policy = try Policy(json: [UInt8](try Data(contentsOf: URL(filePath: prefix + ".policy.json"))))
        try Data(policy.compiled).write(to: file)
        return policy
    }

    /// Appraises the log, in shards of 1 MiB as the verifier gets them.
    ///
    /// - Throws: if the verdict isn't affirming: then the numbers would mean nothing.
    func appraise(threads: Int = 1, memory: VerifiedSignatures? = nil) throws {
        var options = AppraisalOptions()
        options.verifiedSignatures = memory
        var appraiser = Appraiser(policy: policy, options: options, quote: quote)
        var threads = SignatureThreads(count: threads)
        var offset = 0
        while offset < log.count {
            let shard = offset..<min(offset + 1 << 20, log.count)
            let read = appraiser.advance(log.span.extracting(shard))
            offset += read
            guard appraiser.isWaiting || read > 0 else { break }
            if appraiser.isWaiting { threads.settle(&appraiser) }
        }
        threads.settleAll(&appraiser)
        let outcome = appraiser.finish()
        guard outcome.tier == .affirming else { throw BenchmarkError("\(prefix): \(outcome.findings.kept)") }
    }
}

/// The yardstick for logs: `imafloor`.
struct Floor {
    let program: String

    init(_ bench: Bench) throws { program = try bench.workspace.floor("imafloor") }

    /// CPU seconds of its fastest round.
    ///
    /// - Parameter certificate: verifies the signatures of its key.
    func seconds(_ workload: Workload, certificate: String? = nil, rounds: Int = 3) throws -> Double {
        let keys = certificate.map { ["-k", workload.prefix + ".keys/\($0).cert.der"] } ?? []
        let child = try Child.run(program, [workload.logFile, "-l", "-r", "\(rounds)"] + keys)
        let seconds = child.output.split(separator: "\n").compactMap { line -> Double? in
            let words = line.split(separator: " ")
            return words.firstIndex(of: "cpu_s").flatMap { Double(words[$0 + 1]) }
        }
        guard child.status == 0, let least = seconds.min() else { throw BenchmarkError("imafloor: \(child.output)") }
        return least
    }
}
