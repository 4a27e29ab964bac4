import Foundation
import IMA
import Shards
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Attester

@Suite("Freeing the kernel's records") struct TrimmingFaultTests {
    private let log = SampleLog.builder(300)
    private let staged = "/model/binary_runtime_measurements_staged"

    private func records(_ range: Range<Int>) throws -> [UInt8] { try SampleLog.records(log, range) }

    @Test("in turns with other processes, while the kernel logs the same violation again and again, loses none")
    func turns() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            var log = SampleLog.builder(100)
            try kernel.measure(log.bytes)
            let service = workshop.log(kernel, trims: true)
            try service.refresh()
            for turn in 0..<12 {
                let before = log.bytes.count
                for _ in 0...turn % 2 { log.violation("/same") }
                try kernel.measure(Array(log.bytes[before...]))
                let agent = turn % 3 == 0 ? service : workshop.log(kernel, trims: turn % 4 != 1)
                try agent.refresh()
                #expect(try agent.bytes(from: 0) == log.bytes, "turn \(turn)")
                #expect(agent.takeNotices() == [], "turn \(turn)")
            }
            try service.refresh()
            #expect(try service.bytes(from: 0) == log.bytes && service.takeNotices() == [])
            #expect(kernel.count == 0 && kernel.stagedCount == 0)
            #expect(try workshop.reader().replay(towards: log.values()) == UInt64(log.count))
        }
    }

    @Test("waits for nobody that doesn't read: whoever doesn't get the lock reads and stores, and frees nothing")
    func locked() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(try records(0..<100))
            let agent = workshop.log(kernel, trims: true)
            try agent.refresh()
            try kernel.measure(try records(100..<200))
            let folder = workshop.shards.appending(BootEpoch(resetCount: 1).folder)
            let lock = try ShardLock(folder, .exclusive)
            try agent.refresh()
            #expect(agent.takeNotices() == [.locked(path: folder.string)])
            #expect(try agent.bytes(from: 0) == records(0..<200) && kernel.count == 100)
            #expect(try workshop.reader().index.kernel?.record == 100)
            _ = consume lock
            try kernel.measure(try records(200..<300))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && kernel.count == 0)
        }
    }

    @Test(
        "that the kernel's files don't allow is told as what it is, and everything is read",
        arguments: [
            (Errno.readOnlyFileSystem, "configure --trim staged` opens it"),
            (.permissionDenied, "takes CAP_SYS_ADMIN"), (.notPermitted, "takes CAP_SYS_ADMIN"),
            (.ioError, "Input/output error"),
        ])
    func refused(error: Errno, words: String) throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            let agent = workshop.log(kernel, trims: true)
            for (part, isStaged) in [(0..<100, false), (100..<200, true), (200..<300, false)] {
                try kernel.measure(try records(part))
                if isStaged { #expect(kernel.request(.staged, "A\n") == nil) }
                kernel.failWriting(error)
                try agent.refresh()
                kernel.failWriting(nil)
                #expect(try agent.bytes(from: 0) == records(0..<part.upperBound))
            }
            let notices = agent.takeNotices()
            #expect(notices.count == 1 && "\(notices)".contains(words) && "\(notices)".contains(staged))
            // Nothing was written down that did not happen.
            let position = try workshop.reader().index.kernel
            #expect(position == KernelPosition(kernel: "kernel-1", record: 0))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && kernel.count == 0 && kernel.stagedCount == 0)
        }
    }

    @Test("that a kexec has refused is written down as not done")
    func stale() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(try records(0..<100))
            kernel.observe { if $0 == .before("D\n") { kernel.suspend() } }
            let agent = workshop.log(kernel, trims: true)
            try agent.refresh()
            #expect(agent.takeNotices() == [.suspended] && kernel.stagedCount == 100)
            #expect(try workshop.reader().index.kernel == KernelPosition(kernel: "kernel-1", record: 0))
        }
    }

    @Test("needs what was stored to read back as it was: a disk that writes something else frees nothing")
    func readBack() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(try records(0..<200))
            let isDamaged = Mutex(false)
            let agent = workshop.log(
                kernel, trims: true,
                observe: { event in
                    guard case .rename(let file, to: let name) = event, name.extension == "shard" else { return }
                    isDamaged.withLock { isDamaged in
                        guard !isDamaged, var bytes = FileManager.default.contents(atPath: file.string) else { return }
                        bytes[bytes.count - 1] ^= 1
                        isDamaged = FileManager.default.createFile(atPath: file.string, contents: bytes)
                    }
                })
            try agent.refresh()
            #expect(isDamaged.withLock { $0 })
            // The kernel held them all still.
            #expect(agent.takeNotices().contains { if case .writtenAnew = $0 { true } else { false } })
            #expect(try agent.bytes(from: 0) == records(0..<200))
            try kernel.measure(try records(200..<300))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && kernel.count == 0 && kernel.stagedCount == 0)
        }
    }

    @Test("goes on behind a kexec that carried a part of the log over")
    func partlyCarried() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            var log = SampleLog.builder(100)
            try kernel.measure(log.bytes)
            try workshop.log(kernel).refresh()
            log.bootAggregate("the second kernel")
            for number in 0..<20 { log.file("/second/\(number)", "x") }
            try kernel.kexec(carrying: 80, aggregate: try SampleLog.records(log, 100..<101))
            workshop.kernelName = "kernel-2"
            try kernel.measure(try SampleLog.records(log, 101..<log.count))
            let agent = workshop.log(kernel, trims: true)
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && kernel.count == 0 && kernel.stagedCount == 0)
            #expect(agent.takeNotices() == [.partlyCarriedOver(record: 100)])
        }
    }

    @Test("by another program is not said of what this host's own agents have freed, nor of what content can't tell")
    func foreign() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            var log = LogBuilder()
            log.bootAggregate()
            log.violation("/same")
            try kernel.measure(log.bytes)
            let agent = workshop.log(kernel)
            try agent.refresh()
            // Another program frees all; what comes then begins with what was stored last.
            #expect(kernel.request(.measurements, "2\n") == nil)
            let before = log.bytes.count
            log.violation("/same")
            log.file("/new", "x")
            try kernel.measure(Array(log.bytes[before...]))
            try agent.refresh()
            #expect(agent.takeNotices() == [.trimmedByAnother(record: 2)])
            #expect(try agent.bytes(from: 0) == log.bytes)
        }
    }

    @Test("makes shards that nobody removes who doesn't mean it, also between a look and the removal")
    func onlyCopy() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(try records(0..<100))
            try workshop.log(kernel, trims: true).refresh()
            let error = #expect(throws: ShardError.self) {
                try ShardWriter.removeAll(in: workshop.shards, evenIfFreed: false)
            }
            #expect(error?.code == .freed && error?.remedy.contains("--force") == true)
            #expect(try workshop.reader().index.nextRecord == 100)
            try ShardWriter.removeAll(in: workshop.shards, evenIfFreed: true)
            #expect(try ShardReader.epochs(in: workshop.shards) == [])
        }
    }

    @Test("is no reason to remove shards under another process that is about to free their records")
    func cleanedMeanwhile() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(try records(0..<100))
            let shards = workshop.shards
            let isRemoved = Mutex(false)
            let edge = KernelLog(files: kernel) { _ in }
            let agent = MeasurementLog(
                kernel: edge, settings: .init(directory: shards, trims: true), kernelName: { "k" })
            // Removed between the staging and the storing, by who takes no lock.
            kernel.observe { event in
                guard event == .behind("A\n"), !isRemoved.withLock({ $0 }) else { return }
                isRemoved.withLock { $0 = true }
                try? FileManager.default.removeItem(atPath: shards.string)
            }
            try? agent.refresh()
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == records(0..<100))
            try kernel.measure(try records(100..<300))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && kernel.count == 0 && kernel.stagedCount == 0)
        }
    }
}
