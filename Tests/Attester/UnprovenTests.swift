import AssayCrypto
import Shards
import TPM
import TestSupport
import Testing

@testable import Attester

/// A kernel whose list doesn't go on where the shards end: either a kexec carried nothing over, or the PCRs began anew
/// without the TPM counting a boot (a TPM Restart), and what is stored is stale.
@Suite("Shards that nothing shows to be of the running kernel's PCRs") struct UnprovenTests {
    /// 100 records that are stored, and the log of the kernel that has started since.
    private func restarted(
        _ body: (_ workshop: LogWorkshop, _ kernel: ModelKernel, _ stored: LogBuilder, _ new: LogBuilder) throws -> Void
    ) throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let stored = SampleLog.builder(100)
            try kernel.measure(stored.bytes)
            try workshop.log(kernel, trims: true).refresh()
            var new = LogBuilder()
            new.bootAggregate("the new kernel")
            for number in 0..<20 { new.file("/new/\(number)", "x") }
            kernel.boot()
            workshop.kernelName = "kernel-2"
            try kernel.measure(new.bytes)
            try body(workshop, kernel, stored, new)
        }
    }

    @Test("the kernel keeps its list, whatever process asks, and however often")
    func kept() throws {
        try restarted { workshop, kernel, stored, new in
            for _ in 0..<2 {
                let agent = workshop.log(kernel, trims: true)
                for _ in 0..<2 {
                    try agent.refresh()
                    agent.prove(by: new.values(banks: [.sha1, .sha256]))
                    #expect(kernel.count == 21 && kernel.stagedCount == 0)
                }
                #expect(agent.takeNotices() == [.notCarriedOver(record: 100), .unproven(record: 100)])
                #expect(try agent.bytes(from: 0) == stored.bytes + new.bytes)
            }
            // The kernel's own list leads to the PCRs, so that whoever cleans at a boot may yet remove what is stale.
            let log = workshop.log(kernel)
            try log.refresh()
            #expect(try log.replayKernel(towards: new.values(banks: [.sha1, .sha256])) == 21)
        }
    }

    @Test("a list that another program has staged isn't freed either")
    func staged() throws {
        try restarted { workshop, kernel, _, _ in
            #expect(kernel.request(.staged, "A\n") == nil)
            let agent = workshop.log(kernel, trims: true)
            for _ in 0..<2 { try agent.refresh() }
            #expect(kernel.stagedCount == 21 && kernel.count == 0)
        }
    }

    @Test("once shards and list together lead to the PCRs, the list is freed; values of other PCRs prove nothing")
    func proven() throws {
        try restarted { workshop, kernel, stored, new in
            let agent = workshop.log(kernel, trims: true)
            try agent.refresh()
            var others = PCRValues()
            others[.sha256, 7] = Digest(repeating: 7, count: 32)
            agent.prove(by: others)
            try agent.refresh()
            #expect(kernel.count == 21)
            var whole = stored
            whole.bootAggregate("the new kernel")
            for number in 0..<20 { whole.file("/new/\(number)", "x") }
            #expect(whole.bytes == stored.bytes + new.bytes)
            agent.prove(by: whole.values(banks: [.sha1, .sha256]))
            try agent.refresh()
            #expect(kernel.count == 0 && kernel.stagedCount == 0)
            #expect(try agent.bytes(from: 0) == whole.bytes)
        }
    }
}
