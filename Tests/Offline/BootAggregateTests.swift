import Appraisal
import AssayCrypto
import TPM
import TestSupport
import Testing

@testable import Offline

@Suite("A log that doesn't begin at boot")
struct BootAggregateTests {
    private func arguments(_ name: String) -> AppraisalArguments {
        let file = { (suffix: String) in Fixtures.path("generated/no-boot-aggregate/\(name)\(suffix)") }
        var arguments = AppraisalArguments()
        arguments.logs = [file(".bin")]
        arguments.policy = Fixtures.path("generated/no-boot-aggregate/policy.json")
        arguments.quote = file("-q.msg")
        arguments.signature = file("-q.sig")
        arguments.attestationKey = file("-ak.pub")
        arguments.pcrValues = file("-q.pcrs")
        arguments.nonce = "aa"
        return arguments
    }

    /// Of a kernel whose IMA started before its TPM's driver nothing is in the PCR; another's log was cut at its beginning.
    @Test("is no_boot_aggregate, as in a session, however it is given", arguments: ["bypass", "noagg"])
    func refused(name: String) throws {
        var arguments = arguments(name)
        #expect(try appraise(arguments).reasons == ["no_boot_aggregate"])
        let files = try TemporaryFolder()
        arguments.state = files.path("state")
        #expect(try appraise(arguments).reasons == ["no_boot_aggregate"])
    }

    @Test("is so beside --pcr, too; where nothing is to be met it is an excerpt to look at")
    func values() throws {
        var log = LogBuilder()
        log.file("/usr/bin/tool", "tool")
        let files = try TemporaryFolder()
        var arguments = AppraisalArguments()
        arguments.logs = [try files.write(log.bytes, "log")]
        #expect(try appraise(arguments).findings.isEmpty)
        arguments.pcrs = ["sha256:\(try #require(log.values()[.sha256, 10]))"]
        #expect(try appraise(arguments).reasons == ["no_boot_aggregate"])
    }

    @Test("is none where a state goes on behind record 0")
    func goingOn() throws {
        var log = LogBuilder()
        log.bootAggregate()
        let files = try TemporaryFolder()
        var arguments = AppraisalArguments()
        arguments.state = files.path("state")
        arguments.pcrs = ["sha256:\(try #require(log.values()[.sha256, 10]))"]
        arguments.logs = [try files.write(log.bytes, "first")]
        let first = try appraise(arguments)
        #expect(first.findings.byReason == [.nothingMeasured: 1])
        let count = log.bytes.count
        log.file("/usr/bin/tool", "tool")
        arguments.pcrs = ["sha256:\(try #require(log.values()[.sha256, 10]))"]
        arguments.logs = [try files.write(log.bytes[count...], "rest")]
        let second = try appraise(arguments)
        #expect(second.findings.isEmpty && second.matchedRecord == 2)
        // The same records alone, from record 0.
        arguments.startsNewEpoch = true
        #expect(try appraise(arguments).reasons.contains("no_boot_aggregate"))
    }
}
