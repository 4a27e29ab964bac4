import Appraisal
import AssayCrypto
import Foundation
import TPM
import TestSupport
import Testing

@testable import Offline

@Suite("Logs of real kernels and their quotes, from files")
struct KernelRunTests {
    static let runs = [
        "k61-imang-sha1-tis/boot1", "k612-imasig-sha256/boot1", "k612-mixed-templates/boot1",
        "k612-ovmf-reboot-imasigv2-sha384/boot1", "k612-ovmf-reboot-imasigv2-sha384/boot2",
    ]

    @Test("Each quote holds, alone and with each form of the log, and meets it where it must", arguments: runs)
    func points(folder: String) throws {
        let run = KernelRun(folder)
        let logs = try FileManager.default.contentsOfDirectory(atPath: run.path("log")).sorted()
            .filter { $0.contains("runtime_measurements") }
        #expect(logs.count >= 2)
        for (index, point) in try run.points.enumerated() {
            let quote = try run.quote(point, pem: index.isMultiple(of: 2))
            let alone = try appraise(quote)
            #expect(alone.tier == .none && alone.findings.isEmpty, "\(point.point) \(alone.findings.kept)")
            #expect(!alone.quotedPCRs.all.isEmpty && alone.records == 0 && alone.pcr.isEmpty)
            var arguments = quote
            arguments.logs = [run.path("log/" + logs[index % logs.count])]
            let report = try appraise(arguments)
            #expect(report.matchedRecord == point.matchesAfterEntries.first, "\(point.point) \(report.findings.kept)")
            #expect(report.nextRecord == report.matchedRecord)
            #expect(report.reasons.isSubset(of: ["wrong_pcr"]))
            for (bank, value) in report.pcr { #expect(report.quotedPCRs[bank, 10] == value) }
        }
    }

    @Test("A trimmed log is appraised in its shards, wherever they are cut")
    func shards() throws {
        let run = KernelRun("own73-staging/boot1")
        let shards = (1...3).map { "shards/shard-0\($0).bin" } + ["shards/shard-04-live.bin"]
        let point = try #require(try run.points.first { $0.point == "p06-last" })
        var arguments = try run.quote(point)
        arguments.logs = shards.map(run.path)
        let whole = try appraise(arguments)
        #expect(whole.matchedRecord == point.matchesAfterEntries.first, "\(whole.findings.kept)")
        #expect(!whole.isContraindicated && whole.records == 184)

        let files = try TemporaryFolder()
        let bytes = try shards.flatMap { try run.bytes($0) }
        let cuts = [0, 0, 1000, 1001, 20_000, bytes.count, bytes.count]
        arguments.logs = try zip(cuts, cuts.dropFirst()).enumerated().map { index, cut in
            try files.write(bytes[cut.0..<cut.1], "part\(index)")
        }
        let cut = try appraise(arguments)
        #expect(cut.matchedRecord == whole.matchedRecord && cut.records == whole.records)
        #expect(cut.findings.isEmpty)

        arguments.logs = [shards[1], shards[0], shards[2], shards[3]].map(run.path)
        // What was its beginning looks like what a kexec brings then, and says so beside.
        #expect(try appraise(arguments).reasons == ["no_boot_aggregate", "pcr_mismatch", "records_missing"])
    }

    @Test("Through a state, the shards of a log follow their quotes, one after the other")
    func incremental() throws {
        let run = KernelRun("k612-imasig-sha256/boot1")
        let log = try run.bytes("log/binary_runtime_measurements")
        let files = try TemporaryFolder()
        var position = 0
        // One key's quotes of one bank make a sequence: counters are obfuscated by key.
        for point in try run.points where point.ak == "rsa" && point.point < "p06" {
            let end = Int(try #require(point.matchesAfterEntries.first))
            guard end >= position else { continue }
            var arguments = try run.quote(point)
            arguments.state = files.path("state")
            arguments.logs = [try files.write(try records(log, position..<end), "log")]
            let report = try appraise(arguments)
            #expect(report.matchedRecord == UInt64(end), "\(point.point) \(report.findings.kept)")
            #expect(report.records == UInt64(end - position))
            position = end
        }
        #expect(position > 100)

        var earlier = try run.quote(try #require(try run.points.first { $0.ak == "rsa" }))
        earlier.state = files.path("state")
        #expect(try appraise(earlier).reasons == ["clock_went_back"])
    }

    @Test("Another boot's quote begins at record 0, and the boot before can't be gone back to")
    func reboot() throws {
        let first = KernelRun("k612-ovmf-reboot-imasigv2-sha384/boot1")
        let second = KernelRun("k612-ovmf-reboot-imasigv2-sha384/boot2")
        let files = try TemporaryFolder()
        func report(_ run: KernelRun) throws -> AppraisalReport {
            let point = try #require(try run.points.last { $0.ak == "rsa" })
            var arguments = try run.quote(point)
            arguments.logs = [run.path("log/binary_runtime_measurements")]
            arguments.state = files.path("state")
            return try appraise(arguments)
        }
        #expect(try report(first).matchedRecord != nil)
        let rebooted = try report(second)
        #expect(rebooted.matchedRecord != nil && !rebooted.isContraindicated, "\(rebooted.findings.kept)")
        #expect(rebooted.notices.contains { $0.contains("booted") })
        let back = try report(first)
        #expect(back.reasons == ["reset_went_back"] && back.nextRecord == rebooted.nextRecord)
    }

    @Test("A log of 120,000 records passes through a pipe")
    func large() throws {
        let run = KernelRun("k612-large-120k/boot1")
        let files = try TemporaryFolder()
        let pipe = files.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        var unpacker = try ChildProcess(
            "sh", ["-c", "xz -dc \"$0\" > \"$1\"", run.path("log/binary_runtime_measurements.xz"), pipe])
        defer { unpacker.end(SIGKILL) }
        let point = try #require(try run.points.first { $0.point == "p10-at-120000" })
        var arguments = try run.quote(point)
        arguments.logs = [pipe]
        let report = try appraise(arguments)
        #expect(report.matchedRecord == point.matchesAfterEntries.first, "\(report.findings.kept)")
        #expect(report.records > 120_000 && !report.isContraindicated)
    }
}
