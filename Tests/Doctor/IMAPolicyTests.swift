import Doctor
import Foundation
import TestSupport
import Testing

@Suite("The kernel's rules") struct IMAPolicyTests {
    private func policy(of run: String) throws -> IMAPolicy {
        IMAPolicy(String(decoding: try Fixtures.bytes("kernel/\(run)/boot1/policy.txt"), as: UTF8.self))
    }

    @Test("that measure keys of every keyring") func everyKeyring() throws {
        let policy = try policy(of: "k612-imasig-sha256")
        #expect(policy.keyRules.count == 1 && policy.keyRules.first?.keyrings == nil)
        #expect(policy.measuresKeys(of: ".ima") && policy.measuresKeys(of: "anything"))
        #expect(policy.fileRules.count == 8)
        #expect(policy.count == 24)
    }

    @Test("that name keyrings") func namedKeyrings() throws {
        let policy = try policy(of: "own73-staging")
        #expect(policy.measuresKeys(of: ".ima") && policy.measuresKeys(of: "lab_ring"))
        #expect(!policy.measuresKeys(of: "_ima"))
    }

    @Test("that name templates and PCRs") func templates() throws {
        let rule = try policy(of: "k612-mixed-templates").measure.first { $0.pcr != nil }
        #expect(rule?.pcr == "11" && rule?.template == "ima-sig")
    }

    @Test("are none in an empty text, in comments and in nonsense") func nothing() {
        #expect(IMAPolicy("").count == 0)
        #expect(IMAPolicy("# measure func=KEY_CHECK\n\n  \n").measure.isEmpty)
        #expect(IMAPolicy("measure\nmeasures func=KEY_CHECK\nmeasure func=\n").keyRules.isEmpty)
    }

    @Test("are set up by the kernel's command line") func commandLine() {
        let line = KernelCommandLine("quiet ima_template=ima-ng ima_policy=\"tcb|secure_boot\" ima_template=ima-sig\n")
        #expect(line.template == "ima-sig" && line.policies == ["tcb", "secure_boot"])
        #expect(KernelCommandLine("ima_tcb ima_template_fmt=d-ng|n-ng").policies == ["tcb"])
        #expect(KernelCommandLine("ima_template_fmt=d-ng|n-ng").templateFormat == "d-ng|n-ng")
        #expect(KernelCommandLine("").template == nil)
        #expect(KernelCommandLine("a ima_flush_htable\n").flushesDigests)
        #expect(!KernelCommandLine("ima_flush_htables").flushesDigests)
    }
}
