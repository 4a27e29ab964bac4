import AssayCrypto
import Bytes
import IMA
import TPM
import TestSupport
import Testing

@testable import Appraisal

@Suite("A quote and its log")
struct QuoteAndLogTests {
    static let cases = Case.all("quote").filter { folder in
        (try? Case(folder)).map { $0.inputs.log_binary != nil } ?? true
    }

    @Test("A quote with its log gives the verdict", arguments: cases)
    func quoteAndLog(folder: String) throws {
        let test = try Case(folder)
        let expected = try #require(test.expected)
        let values = try PCRFile(test.bytes("pcrs.bin")).values
        var options = try test.options(format: LogFormat())
        options.violations = .ignore
        let log = try test.bytes(try #require(test.inputs.log_binary))
        let outcome = appraise(log, policy: try test.policy(), options: options, quote: QuotedPCRs(values))
        #expect(outcome.passes == (expected.verdict == "pass"), "\(outcome.findings.kept)")
        if let reasons = expected.reasons { #expect(!outcome.reasons.isDisjoint(with: reasons)) }
    }

    @Test("There are such cases")
    func some() { #expect(Self.cases.count == 3) }
}
