import Foundation
import Messages
import Testing

@testable import Appraisal

@Suite("A finding as it is told")
struct ReportedFindingTests {
    private let failure = Finding(
        .digestMismatch, record: 7, path: Array("/tmp/a\nb\\".utf8) + [0xff], found: "sha256:00", expected: "sha256:01")

    private func object(_ finding: Finding) throws -> [String: Any] {
        let data = try JSONEncoder().encode(finding.reported)
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("has the same members wherever it is printed, its path escaped")
    func members() throws {
        let object = try object(failure)
        #expect(Set(object.keys) == ["reason", "record", "path", "found", "expected", "remedy"])
        #expect(object["reason"] as? String == "digest_mismatch" && object["record"] as? Int == 7)
        #expect(object["path"] as? String == #"/tmp/a\nb\\\xff"#)
        #expect(object["remedy"] as? String == Reason.digestMismatch.remedy)
    }

    @Test("says null where it is no record's, and says so if the policy only warns")
    func warning() throws {
        let object = try object(Finding(.nothingMeasured, isWarning: true))
        #expect(object["record"] is NSNull && object["warning"] as? Bool == true)
    }

    @Test("reads back to the same finding")
    func roundTrip() throws {
        for finding in [failure, Finding(.nothingMeasured, isWarning: true)] {
            let data = try JSONEncoder().encode(finding.reported)
            #expect(Finding(try JSONDecoder().decode(ReportedFinding.self, from: data)) == finding)
        }
    }

    @Test("isn't read from a path that no escaping makes, nor with a reason that isn't known")
    func damaged() throws {
        let text = String(decoding: try JSONEncoder().encode(failure.reported), as: UTF8.self)
        let path = text.replacing(#"\\xff"#, with: #"\\xfg"#)
        #expect(path != text)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(ReportedFinding.self, from: Data(path.utf8)) }
        var reported = failure.reported
        reported.reason = "sunspots"
        #expect(Finding(reported) == nil)
    }
}
