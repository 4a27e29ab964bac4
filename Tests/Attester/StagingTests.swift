import AssayCrypto
import Bytes
import Foundation
import IMA
import Shards
import SystemPackage
import TPM
import TestSupport
import Testing

@testable import Attester

@Suite("A kernel that can give its log's memory back") struct StagingTests {
    private let log = SampleLog.builder(300)

    private func records(_ range: Range<Int>) throws -> [UInt8] { try SampleLog.records(log, range) }

    @Test("is told to, once the records are on the disk; every record is served as before")
    func trims() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let agent = workshop.log(kernel, trims: true)
            for part in [0..<100, 100..<101, 101..<101, 101..<300] {
                try kernel.measure(try records(part))
                try agent.refresh()
                #expect(kernel.count == 0 && kernel.stagedCount == 0 && kernel.openDescriptors == 0)
                #expect(agent.nextRecord == UInt64(part.upperBound))
            }
            #expect(try agent.bytes(from: 0) == log.bytes)
            #expect(try agent.bytes(from: 150) == records(150..<300))
            #expect(agent.takeNotices() == [])
            #expect(try workshop.reader().replay(towards: log.values(banks: [.sha1, .sha256])) == 300)
        }
    }

    @Test("is left as it is unless trimming is on, and no measurement file stays open")
    func off() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let agent = workshop.log(kernel)
            try kernel.measure(try records(0..<100))
            try agent.refresh()
            #expect(kernel.openDescriptors == 0 && kernel.count == 100)
            kernel.forgetReads()
            try kernel.measure(try records(100..<300))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && kernel.openDescriptors == 0)
            // What is known is not read again, but for its last record.
            let before = try records(0..<99).count
            #expect(kernel.reads(.measurements).allSatisfy { $0 >= UInt64(before) })
        }
    }

    @Test("interrupted anywhere, by a kill of the agent: nothing is lost, nothing is doubled")
    func killed() throws {
        for event in [
            ModelKernel.Event.before("A\n"), .behind("A\n"), .before("D\n"), .behind("D\n"),
        ] {
            for more in [0, 50] {
                try LogWorkshop.run { workshop in
                    let kernel = ModelKernel()
                    try kernel.measure(try records(0..<100))
                    try workshop.log(kernel, trims: true).refresh()
                    try kernel.measure(try records(100..<200))
                    // The state on the disk and in the kernel at that event is copied, and others go on from there.
                    let counter = Counter()
                    let (shards, copy) = workshop.shardsAndCopy
                    kernel.observe { if $0 == event { counter.capture(kernel, shards, copy) } }
                    try workshop.log(kernel, trims: true).refresh()
                    let captured = try #require(counter.captured)
                    try captured.measure(try records(200..<200 + more))
                    let next = workshop.log(captured, trims: true, shards: FilePath(copy.path))
                    try next.refresh()
                    #expect(try next.bytes(from: 0) == records(0..<200 + more), "\(event), \(more) more")
                    #expect(captured.count == 0 && captured.stagedCount == 0)
                    #expect(next.takeNotices() == [])
                    // Also without trimming, from the same state on.
                    try captured.measure(try records(200 + more..<300))
                    let plain = workshop.log(captured, shards: FilePath(copy.path))
                    try plain.refresh()
                    #expect(try plain.bytes(from: 0) == log.bytes)
                }
            }
        }
    }

    @Test("killed while the staged records are stored, at any file event")
    func killedStoring() throws {
        var fatal = 1
        var isDone = false
        while !isDone {
            try LogWorkshop.run { workshop in
                let kernel = ModelKernel()
                try kernel.measure(try records(0..<100))
                try workshop.log(kernel, trims: true).refresh()
                try kernel.measure(try records(100..<200))
                // The state on the disk and in the kernel at that event is copied, and an agent goes on from there.
                let count = Counter()
                let (shards, copy) = workshop.shardsAndCopy
                let agent = workshop.log(
                    kernel, trims: true,
                    observe: { [fatal] _ in
                        guard count.next() == fatal else { return }
                        count.capture(kernel, shards, copy)
                    })
                try agent.refresh()
                guard let captured = count.captured else {
                    isDone = true
                    return
                }
                let next = workshop.log(captured, trims: true, shards: FilePath(copy.path))
                try next.refresh()
                #expect(try next.bytes(from: 0) == records(0..<200), "event \(fatal)")
                #expect(captured.count == 0 && captured.stagedCount == 0, "event \(fatal)")
            }
            fatal += 1
        }
        #expect(fatal > 12)
    }

    @Test("EBUSY, for another program reads: nothing is freed now, everything is read, and freed later")
    func busy() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let agent = workshop.log(kernel, trims: true)
            try kernel.measure(try records(0..<100))
            try kernel.holding(.reading) {
                try agent.refresh()
                #expect(agent.nextRecord == 100 && kernel.count == 100)
                #expect(agent.takeNotices() == [.busy(path: "/model/binary_runtime_measurements_staged", holders: [])])
            }
            try kernel.measure(try records(100..<300))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && kernel.count == 0 && kernel.stagedCount == 0)
        }
    }

    @Test("EBUSY behind the storing: the staged list stays, is not stored twice, and is freed later")
    func busyDeleting() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let agent = workshop.log(kernel, trims: true)
            try kernel.measure(try records(0..<100))
            #expect(kernel.request(.staged, "A\n") == nil)
            try kernel.measure(try records(100..<150))
            try kernel.holding(.reading) {
                for _ in 0..<2 {
                    try agent.refresh()
                    #expect(try agent.bytes(from: 0) == records(0..<150))
                    #expect(kernel.stagedCount == 100 && kernel.count == 50)
                }
                #expect(agent.takeNotices() == [.busy(path: "/model/binary_runtime_measurements_staged", holders: [])])
            }
            try kernel.measure(try records(150..<300))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && kernel.count == 0 && kernel.stagedCount == 0)
        }
    }

    @Test("EBUSY without end, for another program writes and never closes: an error that names the file")
    func locked() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            for trims in [true, false] {
                let agent = workshop.log(kernel, trims: trims)
                try kernel.measure(try records(trims ? 0..<100 : 100..<300))
                try kernel.holding(.writing) {
                    let error = #expect(throws: AttesterError.self) { try agent.refresh() }
                    #expect(error?.code == .logBusy && error?.remedy.contains("-v /model/*_measurements_*") == true)
                    #expect(error?.place.hasPrefix("/model/binary_runtime_measurements") == true)
                    #expect(kernel.openDescriptors == 1)
                }
                try agent.refresh()
                #expect(kernel.openDescriptors == 0)
            }
            #expect(try workshop.log(kernel).stored() == log.bytes)
        }
    }

    @Test("ENOENT, for another program has deleted what this one was about to: nothing is lost, nothing is doubled")
    func deletedByAnother() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(try records(0..<100))
            #expect(kernel.request(.staged, "A\n") == nil)
            try kernel.measure(try records(100..<150))
            // Another program reads beside the agent; while that waits to delete, the other does.
            let other = try kernel.open(.measurements, .reading)
            var answers: [Errno?] = []
            let edge = KernelLog(files: kernel) { _ in
                kernel.close(other)
                if kernel.stagedCount == 100 { answers.append(kernel.request(.staged, "D\n")) }
            }
            let agent = MeasurementLog(
                kernel: edge, settings: .init(directory: workshop.shards, trims: true), kernelName: { "k" })
            try agent.refresh()
            #expect(answers == [nil])
            #expect(try agent.bytes(from: 0) == records(0..<150) && agent.takeNotices() == [])
            try kernel.measure(try records(150..<300))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && agent.takeNotices() == [])
            #expect(kernel.count == 0 && kernel.stagedCount == 0)
        }
    }

    /// What the kernel holds when the agent starts without its index.
    enum Held: CaseIterable { case nothing, newRecords, staged, stagedAndStored }

    @Test("without the index: it is said, the shards alone tell the records' numbers", arguments: Held.allCases)
    func indexLost(held: Held) throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(try records(0..<100))
            try workshop.log(kernel, trims: true).refresh()
            try kernel.measure(try records(100..<200))
            if held == .stagedAndStored { #expect(kernel.request(.staged, "A\n") == nil) }
            try workshop.log(kernel, trims: held != .stagedAndStored).refresh()
            #expect(kernel.stagedCount == (held == .stagedAndStored ? 100 : 0))
            if held == .newRecords || held == .staged { try kernel.measure(try records(200..<250)) }
            if held == .staged { #expect(kernel.request(.staged, "A\n") == nil) }
            let index = try workshop.reader().root.appending(BootEpoch(resetCount: 1).folder).appending("index")
            try FileManager.default.removeItem(atPath: index.string)
            let agent = workshop.log(kernel, trims: true)
            try agent.refresh()
            #expect(agent.takeNotices() == [.shards(.indexRebuilt(path: index.string, records: 200))])
            try kernel.measure(try records(Int(agent.nextRecord)..<300))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && agent.takeNotices() == [])
            #expect(kernel.count == 0 && kernel.stagedCount == 0)
        }
    }

    @Test("EBUSY, for another program writes, is waited for")
    func patience() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(try records(0..<100))
            let other = try kernel.open(.staged, .writing)
            var pauses = 0
            let edge = KernelLog(files: kernel) { attempt in
                pauses += 1
                if attempt == 3 { kernel.close(other) }
            }
            let agent = MeasurementLog(
                kernel: edge, settings: .init(directory: workshop.shards, trims: true), kernelName: { "k" })
            try agent.refresh()
            #expect(pauses == 3 && agent.nextRecord == 100 && kernel.count == 0)
        }
    }

    @Test("EEXIST: what another program has staged is stored before it is deleted")
    func alreadyStaged() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let agent = workshop.log(kernel, trims: true)
            try kernel.measure(try records(0..<100))
            #expect(kernel.request(.staged, "A\n") == nil)
            try kernel.measure(try records(100..<150))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == records(0..<150) && kernel.count == 0 && kernel.stagedCount == 0)
            #expect(edge(kernel).stage() == .nothingNew)  // ENOENT
            var deletion: KernelLog.Deletion?
            #expect(edge(kernel).freeing { deletion = $0() } == nil && deletion == .nothingStaged)
            try kernel.measure(try records(150..<160))
            #expect(edge(kernel).stage() == .staged)
            try kernel.measure(try records(160..<170))
            #expect(edge(kernel).stage() == .alreadyStaged)
        }
    }

    private func edge(_ kernel: ModelKernel) -> KernelLog { KernelLog(files: kernel) { _ in } }

    @Test("EACCES and ESTALE, for a kexec is under way: the next kernel shows the records again, and none is doubled")
    func suspended() throws {
        for isStagedBefore in [false, true] {
            try LogWorkshop.run { workshop in
                let kernel = ModelKernel()
                let agent = workshop.log(kernel, trims: true)
                try kernel.measure(try records(0..<100))
                try agent.refresh()
                try kernel.measure(try records(100..<150))
                if isStagedBefore { #expect(kernel.request(.staged, "A\n") == nil) }
                kernel.suspend()
                try agent.refresh()
                #expect(try agent.bytes(from: 0) == records(0..<150))
                #expect(agent.takeNotices() == [.suspended])
                // The new kernel has what was not deleted, and its own.
                try kernel.kexec(aggregate: try records(150..<151))
                workshop.kernelName = "kernel-2"
                try kernel.measure(try records(151..<300))
                let next = workshop.log(kernel, trims: true)
                try next.refresh()
                #expect(try next.bytes(from: 0) == log.bytes)
                #expect(next.takeNotices() == [.kexec(record: 150)])
                try next.refresh()
                #expect(kernel.count == 0 && kernel.stagedCount == 0)
                #expect(try next.bytes(from: 0) == log.bytes)
            }
        }
    }

    @Test("without the right to: it is said, and everything is read", arguments: [false, true])
    func forbidden(isStagedBefore: Bool) throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let agent = workshop.log(kernel, trims: true)
            try kernel.measure(try records(0..<100))
            if isStagedBefore { #expect(kernel.request(.staged, "A\n") == nil) }
            kernel.forbid()
            try agent.refresh()
            try kernel.measure(try records(100..<300))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes)
            #expect(agent.takeNotices() == [.forbidden(path: "/model/binary_runtime_measurements_staged")])
        }
    }

    @Test("trimmed by another program: what was stored goes on where the kernel's list does; else it is said")
    func foreign() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let agent = workshop.log(kernel)
            try kernel.measure(try records(0..<100))
            try agent.refresh()
            #expect(kernel.request(.measurements, "60\n") == nil)
            try kernel.measure(try records(100..<200))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == records(0..<200))
            #expect(agent.takeNotices() == [])
            // Everything, and some that were never seen.
            try kernel.measure(try records(200..<250))
            #expect(kernel.request(.measurements, "\(kernel.count)\n") == nil)
            try kernel.measure(try records(250..<300))
            try agent.refresh()
            #expect(agent.takeNotices() == [.trimmedByAnother(record: 200)])
        }
    }

    @Test("a full quota: trimming stops, it is said, and every record is served still")
    func full() throws {
        let log = SampleLog.builder(12_000)
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(try SampleLog.records(log, 0..<5000))
            let agent = workshop.log(kernel, trims: true, quota: 1 << 20)
            try agent.refresh()
            #expect(kernel.count == 0 && agent.takeNotices() == [])
            for end in [10_000, 11_000, 12_000] {
                try kernel.measure(try SampleLog.records(log, Int(agent.nextRecord)..<end))
                try agent.refresh()
                #expect(agent.nextRecord == UInt64(end) && kernel.openDescriptors == 0)
                #expect(try agent.bytes(from: 0) == SampleLog.records(log, 0..<end))
            }
            let notices = agent.takeNotices()
            #expect(notices.count == 1 && "\(notices)".contains("quota"))
            #expect(try workshop.reader().index.bytes <= 1 << 20)
            #expect(kernel.count + kernel.stagedCount >= 6000)
            #expect(try agent.bytes(from: 11_000) == SampleLog.records(log, 11_000..<12_000))
            #expect(
                try agent.extent(from: 11_500).bytes == UInt64(SampleLog.records(log, 11_500..<12_000).count))
            #expect(try agent.extent(from: 10).bytes == UInt64(SampleLog.records(log, 10..<12_000).count))
            // With more room everything is stored, and freed.
            let next = workshop.log(kernel, trims: true)
            try next.refresh()
            try next.refresh()
            #expect(try next.bytes(from: 0) == log.bytes && kernel.count == 0 && kernel.stagedCount == 0)
        }
    }

    @Test("did on a real 7.3 what the model does: its shards are the log, and replay to its quotes' PCRs")
    func fixture() throws {
        let path = "kernel/own73-staging/boot1/"
        let shards = try ["01", "02", "03", "04-live"].map { try Fixtures.bytes("\(path)shards/shard-\($0).bin") }
        let live = try Fixtures.bytes("\(path)log/binary_runtime_measurements")
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let agent = workshop.log(kernel, trims: true)
            var counts: [UInt64] = []
            for shard in shards.dropLast() + [live] {
                try kernel.measure(shard)
                try agent.refresh()
                counts.append(agent.nextRecord)
            }
            #expect(counts == [166, 171, 183, 186])
            #expect(try agent.bytes(from: 0) == shards.dropLast().flatMap { $0 } + live)
            #expect(live.starts(with: shards[3]))
            #expect(agent.pcrs.indices == [10])
            // What the MANIFEST says of point p99-final: PCR 10 is the log after 186 records, in every bank.
            let last = try #require(try workshop.reader().index.entries.last)
            let yaml = String(
                decoding: try Fixtures.bytes("\(path)points/p99-final/pcrs.yaml"), as: UTF8.self
            ).lowercased()
            for bank in [PCRBank.sha1, .sha256] {
                let lane = last.lanes.first { $0.bank == bank && $0.forms.contains(.own) }
                #expect(yaml.contains("10: 0x" + (lane?.value.description ?? "?")))
            }
        }
    }
}
