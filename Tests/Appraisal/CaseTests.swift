import AssayCrypto
import Bytes
import IMA
import TPM
import TestSupport
import Testing

@testable import Appraisal

@Suite("The appraisal cases")
struct CaseTests {
    @Test("A whole log gives its verdict", arguments: Case.all("ima-log"))
    func wholeLog(folder: String) throws {
        let test = try Case(folder)
        for form in try forms(test, test.inputs.log_binary, test.inputs.log_ascii) {
            let expected = try #require(test.expected)
            let policy: Policy?
            do {
                policy = try test.policy()
            } catch let error as PolicyError {
                #expect(expected.verdict == "fail" && expected.reasons == nil, "\(error)")
                continue
            }
            let options = try test.options(format: form.format)
            for piece in [Int.max, 61] {
                let outcome = appraise(
                    form.bytes, policy: policy, options: options, quote: test.inputs.pcr?.quote, piece: piece)
                check(outcome, expected)
                if test.inputs.pcr == nil { #expect(outcome.matchedRecord == nil) }
            }
        }
    }

    @Test("A log in several rounds gives the verdict of each", arguments: Case.all("ima-rounds"))
    func rounds(folder: String) throws {
        let test = try Case(folder)
        let policy = try test.policy()
        #expect(!test.rounds.isEmpty)
        var state = AppraisalState()
        for round in test.rounds {
            let log = try test.bytes(try #require(round.log_binary ?? test.inputs.log_binary))
            if round.agent_restarted_from_entry_0 == true { state = AppraisalState() }
            #expect(state.nextRecord == round.start_entry)
            var options = try test.options(format: LogFormat())
            options.violations = .ignore
            let bytes = try records(log, round.lines[0]..<round.lines[1])
            let outcome = appraise(bytes, policy: policy, options: options, state: state, quote: round.pcr.quote)
            check(outcome, round.expected)
            if let newState = outcome.newState { state = newState }
        }
    }

    private func check(_ outcome: AppraisalOutcome, _ expected: Case.Expected) {
        #expect(outcome.passes == (expected.verdict == "pass"), "\(outcome.findings.kept)")
        if let reasons = expected.reasons, expected.verdict == "fail" {
            #expect(!outcome.reasons.isDisjoint(with: reasons), "\(outcome.findings.kept)")
        }
        if let next = expected.next_entry { #expect(outcome.nextRecord == next) }
        if let learned = expected.learned_keyrings { #expect(outcome.keyrings.idsByName == learned) }
    }

    private func forms(
        _ test: Case, _ binary: String?, _ text: String?
    ) throws -> [(bytes: [UInt8], format: LogFormat)] {
        var result: [(bytes: [UInt8], format: LogFormat)] = []
        if let binary { result.append((try test.bytes(binary), LogFormat())) }
        if let text {
            let encoded = ASCIILog.encode(try test.bytes(text))
            #expect(encoded.error == nil)
            result.append((encoded.bytes, encoded.format))
        }
        #expect(!result.isEmpty)
        return result
    }
}

/// The bytes of some records of a log.
func records(_ log: [UInt8], _ range: Range<Int>) throws -> [UInt8] {
    var reader = RecordReader(log.span, format: LogFormat())
    var ends = [0]
    while let record = try reader.next() { ends.append(record.range.upperBound) }
    return Array(log[ends[range.lowerBound]..<ends[range.upperBound]])
}
