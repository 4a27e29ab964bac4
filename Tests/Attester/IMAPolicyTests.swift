import Glibc
import Shards
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Attester

@Suite("The agent's own reading") struct IMAPolicyTests {
    /// What a kernel with a policy would measure of an agent that runs as root and stores and reads 100 shards.
    private func measured(_ policy: IMAPolicy) throws -> Int {
        let records = Mutex(0)
        let opened = Mutex(0)
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let group = getgid()
            let settings = MeasurementLog.Settings(
                directory: workshop.shards, options: .init(permissions: .init(group: group)), trims: true,
                observe: { event in
                    var access = IMAPolicy.Access()
                    switch event {
                    case .read(let path):
                        access.reads = true
                        // The file as it is: its group is what the rule is about.
                        var status = stat()
                        guard stat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
                        access.group = status.st_gid
                    case .write: access.writes = true
                    case .synchronize, .rename, .remove: return
                    }
                    opened.withLock { $0 += 1 }
                    if policy.measures(access) { records.withLock { $0 += 1 } }
                })
            let agent = MeasurementLog(
                kernel: KernelLog(files: kernel) { _ in }, settings: settings, kernelName: { "kernel" })
            var log = LogBuilder()
            log.bootAggregate()
            var before = 0
            for number in 0..<100 {
                if number > 0 { log = LogBuilder() }
                log.buffer("long", [UInt8](repeating: UInt8(number), count: 1_000_000))
                try kernel.measure(log.bytes)
                try agent.refresh()
                before += log.count
            }
            #expect(agent.nextRecord == UInt64(before))
            #expect(try workshop.reader().index.entries.count == 100)
            for shard in 0..<100 { _ = try agent.shard(first: UInt64(shard), end: .max, maximumBytes: 1) }
        }
        #expect(opened.withLock { $0 } > 300)
        return records.withLock { $0 }
    }

    @Test("of 100 shards, written and read, adds no record under the policy that the documentation gives")
    func documented() throws {
        let policy = try IMAPolicy(IMAPolicy.documentedRule(group: getgid()) + IMAPolicy.tcb)
        #expect(try measured(policy) == 0)
        // securityfs itself is left out by tcb.
        #expect(!policy.measures(.init(reads: true, fileSystem: 0x7363_6673)))
    }

    @Test("would grow the log without that rule: which is what the test above would show")
    func without() throws {
        #expect(try measured(try IMAPolicy(IMAPolicy.tcb)) >= 100)
    }

    @Test("is all that the rule leaves out: what is executed or loaded stays measured, and other groups' files")
    func narrow() throws {
        let policy = try IMAPolicy(IMAPolicy.documentedRule(group: 64312) + IMAPolicy.tcb)
        for function in ["BPRM_CHECK", "MMAP_CHECK"] {
            #expect(policy.measures(.init(function: function, executes: true, group: 64312)))
        }
        for function in ["MODULE_CHECK", "FIRMWARE_CHECK", "POLICY_CHECK"] {
            #expect(policy.measures(.init(function: function, reads: true, group: 64312)))
        }
        #expect(policy.measures(.init(reads: true, group: 0)))
        #expect(!policy.measures(.init(reads: true, group: 64312)))
    }
}
