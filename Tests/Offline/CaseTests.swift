import Appraisal
import AssayCrypto
import Bytes
import Foundation
import IMA
import TPM
import TestSupport
import Testing

@testable import Offline

@Suite("The appraisal cases, from files")
struct CaseTests {
    /// Cases that pass, of one record that is no boot_aggregate.
    private static let beginningLater: Set<String> = [
        "ima-log/kr-policyNone", "ima-log/legacy-ima", "ima-log/ng-utf8",
    ]

    @Test("A whole log gives its verdict, in either form", arguments: Case.all("ima-log"))
    func wholeLog(folder: String) throws {
        let test = try Case(folder)
        let expected = try #require(test.expected)
        #expect(!test.logs.isEmpty)
        for log in test.logs {
            var arguments = test.arguments()
            arguments.logs = [test.path(log)]
            var report = try appraise(arguments)
            if Self.beginningLater.contains(folder) {
                // All that is wrong with it is where it begins: as an excerpt, with nothing to meet, it is judged alike.
                #expect(report.reasons == ["no_boot_aggregate"] && report.nextRecord == expected.next_entry)
                arguments.pcrs = []
                report = try appraise(arguments)
                #expect(report.findings.isEmpty)
                continue
            }
            check(report, expected)
            if test.inputs.pcr == nil {
                #expect(report.matchedRecord == nil && report.nextRecord == 0)
                for (bank, value) in test.replay where report.reasons.isDisjoint(with: ["bad_policy"]) {
                    #expect(report.pcr[try #require(PCRBank(name: bank))]?.description == value, "\(bank)")
                }
            }
        }
    }

    @Test(
        "A log in several rounds gives the verdict of each, through a state", arguments: Case.all("ima-rounds"), [0, 1])
    func rounds(folder: String, form: Int) throws {
        let test = try Case(folder)
        let rounds = test.rounds
        #expect(!rounds.isEmpty)
        let files = try TemporaryFolder()
        for round in rounds {
            let isText = form == 1
            let name = isText ? round.log_ascii ?? test.inputs.log_ascii : round.log_binary ?? test.inputs.log_binary
            let log = try Fixtures.bytes("appraisal/\(folder)/\(try #require(name))")
            let lines = round.lines[0]..<round.lines[1]
            var arguments = test.arguments()
            arguments.violations = "ignore"
            arguments.logs = [try files.write(isText ? text(log, lines) : try records(log, lines), "log")]
            arguments.pcrs = ["\(round.pcr.bank):\(round.pcr.value)"]
            arguments.state = files.path("state")
            arguments.startsNewEpoch = round.agent_restarted_from_entry_0 == true
            let report = try appraise(arguments)
            check(report, round.expected)
            #expect(report.records == UInt64(lines.count))
            if let matched = report.matchedRecord { #expect(matched >= round.start_entry) }
        }
        #expect(try files.names() == ["log", "state"])
    }

    /// Bound data are another system's feature; what else such a case has is checked.
    static let quotes = Case.all("quote").filter { !$0.hasSuffix("/bind-wrong") }

    /// What is old enough to need `--allow-sha1`.
    static let restingOnSHA1 = ["alg-ecdsa-p256-sha1", "alg-rsassa-sha1", "e2e-sha1"].map { "quote/" + $0 }

    @Test("A quote that rests on SHA-1 is refused where nobody allows it", arguments: restingOnSHA1)
    func sha1(folder: String) throws {
        let test = try Case(folder)
        var arguments = AppraisalArguments()
        arguments.quote = test.inputs.attest.map(test.path)
        arguments.signature = test.inputs.signature.map(test.path)
        arguments.attestationKey = (test.inputs.ak ?? test.inputs.ak_pem).map(test.path)
        arguments.nonce = test.inputs.nonce_hex
        arguments.pcrValues = test.inputs.pcr_values.map(test.path)
        let refused = try appraise(arguments)
        #expect(refused.isContraindicated && refused.reasons == ["bad_attestation_key"] && !refused.allowsSHA1)
        #expect(refused.findings.kept[0].remedy.contains("--allow-sha1"))
        arguments.allowsSHA1 = true
        let allowed = try appraise(arguments)
        #expect(!allowed.isContraindicated && allowed.ofSHA1.contains("the quote's signature"))
        #expect(allowed.lines.contains { $0.hasPrefix("SHA-1 is allowed") })
        let object = try allowed.object()
        #expect(object["allows_sha1"] as? Bool == true && (object["of_sha1"] as? [String])?.isEmpty == false)
    }

    @Test("A quote gives its verdict, alone or with its log", arguments: quotes)
    func quote(folder: String) throws {
        let test = try Case(folder)
        let expected = try #require(test.expected)
        let files = try TemporaryFolder()
        for log in test.logs.isEmpty ? [nil] : test.logs.map(Optional.some) {
            var arguments = test.arguments()
            arguments.quote = test.inputs.attest.map(test.path)
            arguments.signature = test.inputs.signature.map(test.path)
            arguments.attestationKey = (test.inputs.ak ?? test.inputs.ak_pem).map(test.path)
            arguments.nonce = test.inputs.nonce_hex
            arguments.pcrValues = test.inputs.pcr_values.map(test.path)
            arguments.bank = test.inputs.bank
            arguments.allowsSHA1 = Self.restingOnSHA1.contains(folder)
            if let log {
                arguments.logs = [test.path(log)]
                arguments.violations = "ignore"
            }
            if let previous = test.inputs.previous_clock {
                var saved = SavedAppraisal()
                saved.clock = ClockInfo(
                    clock: previous.clock, resetCount: previous.reset_count, restartCount: previous.restart_count,
                    isSafe: previous.safe == 1)
                arguments.state = files.path("state")
                try StateStorage.save(saved, to: files.path("state"))
            }
            let report = try appraise(arguments)
            check(report, expected)
            if expected.verdict == "pass" {
                for (index, value) in expected.pcrs ?? [:] {
                    let bank = try #require(PCRBank(name: test.inputs.bank ?? ""))
                    #expect(report.quotedPCRs[bank, try #require(Int(index))]?.description == value)
                }
                #expect(log == nil ? report.tier == .none : report.tier == .affirming)
            }
        }
    }

    @Test("All cases are there")
    func some() { #expect(Self.quotes.count == 26 && Case.all("ima-rounds").count == 5) }

    private func check(_ report: AppraisalReport, _ expected: Case.Expected) {
        #expect(report.isContraindicated == (expected.verdict == "fail"), "\(report.findings.kept)")
        if let reasons = expected.reasons, expected.verdict == "fail" {
            #expect(!report.reasons.isDisjoint(with: reasons), "\(report.findings.kept)")
        }
        if let next = expected.next_entry { #expect(report.nextRecord == next) }
        if let learned = expected.learned_keyrings, expected.verdict == "pass" {
            #expect(idsByName(report) == learned)
        }
    }

    private func idsByName(_ report: AppraisalReport) -> [String: [String]] {
        report.keyrings.keyrings.reduce(into: [:]) { result, ring in
            result[escaped(ring.key)] = ring.value.map(\.keyID.description)
        }
    }
}

/// The bytes of some records of a binary log.
func records(_ log: [UInt8], _ range: Range<Int>) throws -> [UInt8] {
    var reader = RecordReader(log.span, format: LogFormat())
    var ends = [0]
    while let record = try reader.next() { ends.append(record.range.upperBound) }
    return Array(log[ends[range.lowerBound]..<ends[range.upperBound]])
}

/// Some lines of a log in text form.
private func text(_ log: [UInt8], _ range: Range<Int>) -> [UInt8] {
    let lines = log.split(separator: 0x0a)
    return lines[range].flatMap { $0 + [0x0a] }
}
