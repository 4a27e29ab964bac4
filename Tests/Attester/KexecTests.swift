import AssayCrypto
import Bytes
import IMA
import Shards
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Attester

@Suite("A kexec") struct KexecTests {
    /// 100 records of the first kernel, and then what the test adds.
    private func first(_ body: (inout LogBuilder) -> Void = { _ in }) -> LogBuilder {
        var log = SampleLog.builder(100)
        body(&log)
        return log
    }

    private func critical(_ count: Int, _ size: Int = 20_000) -> [UInt8] {
        Array("kexec_segment_size=4096;ima_binary_runtime_size=\(size);ima_runtime_measurements_count=\(count);".utf8)
    }

    /// What the new kernel measures by itself.
    private func second(_ log: inout LogBuilder) {
        log.bootAggregate()
        for number in 1..<50 { log.file("/second/\(number)", "\(number)") }
    }

    private func tail(_ log: LogBuilder, from record: Int) throws -> [UInt8] {
        try SampleLog.records(log, record..<log.count)
    }

    @Test("that carries the log over keeps the records' numbers going", arguments: [true, false])
    func carried(trims: Bool) throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: trims)
            var log = first()
            try kernel.measure(log.bytes)
            try workshop.log(kernel, trims: trims).refresh()
            log.file("/last", "x")
            try kernel.measure(try tail(log, from: 100))
            second(&log)
            try kernel.kexec(aggregate: try SampleLog.records(log, 101..<102))
            workshop.kernelName = "kernel-2"
            try kernel.measure(try tail(log, from: 102))
            let agent = workshop.log(kernel, trims: trims)
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes)
            #expect(agent.takeNotices() == [.kexec(record: 100)])
            #expect(try workshop.reader().replay(towards: log.values()) == UInt64(log.count))
            // And another time, and a restart of the agent.
            var more = log
            more.file("/more", "x")
            try kernel.measure(try tail(more, from: log.count))
            let again = workshop.log(kernel, trims: trims)
            try again.refresh()
            #expect(try again.bytes(from: 0) == more.bytes && again.takeNotices() == [])
        }
    }

    @Test("that carries the log over is seen by an agent that stays")
    func staying() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            var log = first()
            try kernel.measure(log.bytes)
            let agent = workshop.log(kernel)
            try agent.refresh()
            second(&log)
            try kernel.kexec(aggregate: try SampleLog.records(log, 100..<101))
            workshop.kernelName = "kernel-2"
            try kernel.measure(try tail(log, from: 101))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes)
        }
    }

    @Test("that carries a part of the log over: the shards have the rest, and it is said")
    func partly() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: false)
            var log = first()
            try kernel.measure(log.bytes)
            try workshop.log(kernel).refresh()
            second(&log)
            try kernel.kexec(carrying: 80, aggregate: try SampleLog.records(log, 100..<101))
            workshop.kernelName = "kernel-2"
            try kernel.measure(try tail(log, from: 101))
            let agent = workshop.log(kernel)
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes)
            #expect(agent.takeNotices() == [.partlyCarriedOver(record: 100)])
            #expect(try workshop.reader().replay(towards: log.values()) == UInt64(log.count))
            var more = log
            more.file("/more", "x")
            try kernel.measure(try tail(more, from: log.count))
            // Every process says it, for as long as the boot lasts: it explains what a verifier may find.
            let again = workshop.log(kernel)
            try again.refresh()
            #expect(try again.bytes(from: 0) == more.bytes)
            #expect(again.takeNotices() == [.partlyCarriedOver(record: 100)])
        }
    }

    @Test("that doesn't carry the log over is said, with what to do", arguments: [0, 1, 30, 200])
    func notCarried(records: Int) throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: false)
            var log = first()
            try kernel.measure(log.bytes)
            try workshop.log(kernel).refresh()
            // The same programs are measured again, in the same order, as long as that goes.
            let again = SampleLog.builder(records + 1)
            log.bootAggregate()
            for number in 1..<max(1, records + 1) {
                log.file("/" + String(repeating: "x", count: number % 97) + "\(number)", "\(number)")
            }
            log.file("/different", "x")
            try kernel.kexec(carrying: 0, aggregate: again.bytes)
            workshop.kernelName = "kernel-2"
            if records < 100 {
                let early = workshop.log(kernel)
                try early.refresh()
                #expect(early.takeNotices() == [.notCarriedOver(record: 100)])
            }
            try kernel.measure(try tail(log, from: log.count - 1))
            let agent = workshop.log(kernel)
            try agent.refresh()
            if records < 100 {
                #expect(try agent.bytes(from: 0) == log.bytes)
                #expect(agent.takeNotices() == [.notCarriedOver(record: 100)])
                #expect(try workshop.reader().replay(towards: log.values()) == UInt64(log.count))
            } else {
                // All 100 of them again: no boot_aggregate stands behind them, so that they were not carried over.
                #expect(agent.takeNotices() == [.notCarriedOver(record: 100)])
                #expect(try agent.bytes(from: 0) == log.bytes)
            }
        }
    }

    @Test("that found everything freed, and left nothing of what was measured since, is said")
    func freed() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            var log = first()
            try kernel.measure(log.bytes)
            try workshop.log(kernel, trims: true).refresh()
            #expect(kernel.count == 0)
            second(&log)
            try kernel.kexec(aggregate: try SampleLog.records(log, 100..<101))
            workshop.kernelName = "kernel-2"
            let agent = workshop.log(kernel, trims: true)
            try agent.refresh()
            #expect(agent.takeNotices() == [.notCarriedOver(record: 100), .unproven(record: 100)])
        }
    }

    @Test("is remembered before the new kernel's position is: a process that dies in between hides it from nobody")
    func order() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: false)
            var log = first()
            try kernel.measure(log.bytes)
            try workshop.log(kernel).refresh()
            second(&log)
            try kernel.kexec(carrying: 0, aggregate: try SampleLog.records(log, 100..<101))
            workshop.kernelName = "kernel-2"
            let seen = Mutex<[String]>([])
            let agent = workshop.log(kernel) { event in
                let name: String? =
                    switch event {
                    case .rename(_, let to): to.lastComponent?.string
                    case .write(let file): file.lastComponent?.string
                    default: nil
                    }
                if let name, name == "gaps" || name == "index" { seen.withLock { $0.append(name) } }
            }
            try agent.refresh()
            #expect(seen.withLock { $0.first } == "gaps" && seen.withLock { $0.contains("index") })
        }
    }

    @Test("is told to every process when the kernel's own counts told it")
    func countsRemembered() throws {
        try LogWorkshop.run { workshop in
            var log = first()
            log.buffer("kexec_execute", critical(200))
            try workshop.write(log.bytes)
            for _ in 0..<2 {
                let agent = workshop.measurements()
                try agent.refresh()
                #expect(agent.takeNotices() == [.lostAtKexec(record: 100, counted: 200, held: 100)])
            }
        }
    }

    @Test("is told by the kernel's own counts when records were lost before it")
    func counts() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: false)
            var log = first { $0.buffer("kexec_load", critical(100)) }
            log.file("/between", "x")
            log.buffer("kexec_execute", critical(102))
            second(&log)
            try kernel.measure(log.bytes)
            let agent = workshop.log(kernel)
            try agent.refresh()
            #expect(agent.takeNotices() == [])
            log.buffer("kexec_execute", critical(log.count + 3))
            try kernel.measure(try tail(log, from: log.count - 1))
            try agent.refresh()
            #expect(
                agent.takeNotices() == [
                    .lostAtKexec(
                        record: UInt64(log.count - 1), counted: UInt64(log.count + 2), held: UInt64(log.count - 1))
                ])
        }
    }

    @Test("record that isn't what a kernel writes says nothing")
    func malformedCounts() throws {
        try LogWorkshop.run { workshop in
            var log = first()
            for text in ["", ";;;", "ima_runtime_measurements_count=", "ima_runtime_measurements_count=-1", "=5;"] {
                log.buffer("kexec_execute", Array(text.utf8))
            }
            log.buffer("kexec_executed", critical(1 << 40))
            log.file("kexec_execute", "ima_runtime_measurements_count=99999")
            try workshop.write(log.bytes)
            let agent = workshop.measurements()
            try agent.refresh()
            #expect(agent.takeNotices() == [] && agent.nextRecord == UInt64(log.count))
        }
    }
}
