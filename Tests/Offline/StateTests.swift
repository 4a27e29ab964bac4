import Appraisal
import AssayCrypto
import Foundation
import IMA
import TPM
import TestSupport
import Testing

@testable import Offline

@Suite("The state of an incremental appraisal")
struct StateTests {
    private let files: TemporaryFolder
    private let test: Case

    init() throws {
        files = try TemporaryFolder()
        test = try Case("ima-rounds/rd-lag")
    }

    private func round(_ index: Int, policy: String? = nil) throws -> AppraisalArguments {
        let round = test.rounds[index]
        var arguments = test.arguments()
        arguments.logs = [
            try files.write(
                try records(Fixtures.bytes("appraisal/\(test.folder)/log.bin"), round.lines[0]..<round.lines[1]), "log")
        ]
        if let policy { arguments.policy = policy }
        arguments.violations = "ignore"
        arguments.pcrs = ["\(round.pcr.bank):\(round.pcr.value)"]
        arguments.state = files.path("state")
        return arguments
    }

    private func saved() throws -> SavedAppraisal { try #require(try StateStorage.load(files.path("state"))) }

    @Test("holds position, records received, PCRs and their forms, keyrings, and IMA's PCRs")
    func content() throws {
        _ = try appraise(try round(0))
        let saved = try saved()
        #expect(saved.appraisal.nextRecord == 2 && saved.appraisal.recordsReceived == 4)
        #expect(saved.appraisal.lanes.map(\.pcr) == [10] && saved.appraisal.lanes[0].forms == .own)
        #expect(saved.appraisal.keyrings.keyrings.count == 1 && saved.imaPCRs == PCRSet([10]))
        #expect(saved.policyHash != nil && saved.clock == nil)
    }

    @Test("reads back to what was written")
    func roundTrip() throws {
        _ = try appraise(try round(0))
        var saved = try saved()
        saved.clock = ClockInfo(clock: .max, resetCount: .max, restartCount: 1, isSafe: false)
        saved.attestationKey = Digest(repeating: 7, count: 32)
        saved.requiresSignatures = true
        var findings = Findings()
        findings.add(Finding(.notInPolicy, record: 1, path: [0xff, 0x0a], found: "a \"b\"", expected: "c"))
        findings.add(Finding(.violation, isWarning: true))
        saved.appraisal.findings = findings
        #expect(try SavedAppraisal(json: try saved.json()) == saved)
    }

    @Test("is one run's at a time; a run that commits nothing leaves none behind")
    func locked() throws {
        var unmatched = try round(0)
        unmatched.pcrs = ["sha256:" + String(repeating: "1", count: 64)]
        #expect(try appraise(unmatched).isContraindicated)
        #expect(try !files.names().contains { $0.hasPrefix("state") })
        do {
            let lock = try StateLock(files.path("state"))
            defer { withExtendedLifetime(lock) {} }
            let error = #expect(throws: OfflineError.self) { try appraise(try round(0)) }
            #expect("\(try #require(error))".contains("another appraisal"))
        }
        #expect(try !appraise(try round(0)).isContraindicated)
        let lock = try StateLock(files.path("state"))
        #expect(throws: OfflineError.self) { try appraise(try round(1)) }
        withExtendedLifetime(lock) {}
        #expect(try saved().appraisal.nextRecord == 2)
        // A killed run's lock is nobody's.
        _ = try files.write([], "left.lock")
        _ = try StateLock(files.path("left"))
        var device = try round(1)
        device.state = "/dev/null"
        #expect(throws: OfflineError.self) { try appraise(device) }
    }

    @Test("stays as it is where the log doesn't meet the PCR")
    func unmatched() throws {
        _ = try appraise(try round(0))
        let before = try saved()
        var arguments = try round(1)
        arguments.pcrs = ["sha256:" + String(repeating: "1", count: 64)]
        let report = try appraise(arguments)
        #expect(report.reasons == ["pcr_mismatch"] && report.nextRecord == 2)
        #expect(report.keyrings == before.appraisal.keyrings)
        #expect(try saved() == before)
    }

    @Test("carries what was found on to later rounds")
    func carried() throws {
        let strict = try files.write(try emptyPolicy(), "policy")
        #expect(try appraise(try round(0, policy: strict)).isContraindicated)
        let later = try appraise(try round(1, policy: strict))
        #expect(later.nextRecord == 5)
        #expect(later.findings.kept.contains { ($0.record ?? 9) < 2 })
    }

    @Test("starts over under another policy: the tail that it was given then doesn't meet the PCR")
    func otherPolicy() throws {
        _ = try appraise(try round(0, policy: try files.write(try emptyPolicy(), "policy")))
        let report = try appraise(try round(1))
        #expect(report.reasons.contains("pcr_mismatch") && report.tier == .contraindicated)
        #expect(report.notices.contains { $0.contains("another policy") })
    }

    @Test("A new epoch starts over at record 0, and forgets what was learned")
    func newEpoch() throws {
        _ = try appraise(try round(0))
        #expect(try appraise(try round(0)).isContraindicated)
        var arguments = try round(0)
        arguments.startsNewEpoch = true
        let report = try appraise(arguments)
        #expect(!report.isContraindicated && report.matchedRecord == 2)
    }

    @Test("A PCR that covers fewer records than were received is no progress")
    func noProgress() throws {
        _ = try appraise(try round(0))
        var arguments = try round(0)
        arguments.logs = ["/dev/null"]
        #expect(try appraise(arguments).reasons == ["no_progress"])
    }

    @Test("A state that is damaged or of another version is no verdict, and never a crash")
    func damaged() throws {
        _ = try appraise(try round(0))
        let whole = [UInt8](try Data(contentsOf: URL(filePath: files.path("state"))))
        let arguments = try round(1)
        for count in stride(from: 0, to: whole.count - 2, by: 11) {
            _ = try files.write(whole[..<count], "state")
            #expect(throws: OfflineError.self) { try appraise(arguments) }
        }
        let text = String(decoding: whole, as: UTF8.self)
        for (old, new) in [
            ("\"version\" : 1", "\"version\" : 2"), ("\"next_record\" : 2", "\"next_record\" : 5"),
            ("\"records_received\" : 4", "\"records_received\" : 18446744073709551615"),
            ("\"pcr\" : 10", "\"pcr\" : 24"), ("\"forms\" : 1", "\"forms\" : 0"), ("\"sha256\"", "\"sha1\""),
            ("\"der\" : \"30", "\"der\" : \"31"),
        ] {
            let changed = text.replacingOccurrences(of: old, with: new)
            #expect(changed != text, "\(old)")
            _ = try files.write(Array(changed.utf8), "state")
            #expect(throws: OfflineError.self, "\(new)") { try appraise(arguments) }
        }
    }

    /// The case's policy, without a digest.
    private func emptyPolicy() throws -> [UInt8] {
        let bytes = try Fixtures.bytes("appraisal/\(test.folder)/policy.json")
        var policy = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        policy["digests"] = [String: Any]()
        policy["keyrings"] = [String: Any]()
        return [UInt8](try JSONSerialization.data(withJSONObject: policy))
    }
}
