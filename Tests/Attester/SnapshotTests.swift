import IMA
import Shards
import TestSupport
import Testing

@testable import Attester

@Suite("A kernel that cuts its log at a snapshot") struct SnapshotTests {
    private func tail(_ log: LogBuilder, from record: Int) throws -> [UInt8] {
        try SampleLog.records(log, record..<log.count)
    }

    @Test("goes on in the shards if they have what came before it, also for an agent that stays")
    func known() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: false)
            var log = SampleLog.builder(100)
            try kernel.measure(log.bytes)
            try workshop.log(kernel).refresh()
            try kernel.snapshot(&log)
            let agent = workshop.log(kernel)
            for round in 0..<3 {
                log.file("/more/\(round)", "x")
                try kernel.measure(try tail(log, from: log.count - 1))
                try agent.refresh()
                #expect(try agent.bytes(from: 0) == log.bytes)
            }
            #expect(agent.takeNotices() == [] && kernel.openDescriptors == 0)
            // And another one, of which the agent has read the snapshot already, but for the records behind it.
            try kernel.snapshot(&log)
            try agent.refresh()
            try workshop.log(kernel).refresh()
            log.file("/last", "x")
            try kernel.measure(try tail(log, from: log.count - 1))
            try agent.refresh()
            #expect(try agent.bytes(from: 0) == log.bytes && agent.takeNotices() == [])
            #expect(try agent.firstRecord() == 0)
            #expect(try workshop.reader().replay(towards: log.values()) == UInt64(log.count))
        }
    }

    @Test("between two readings loses records, which is said")
    func lost() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: false)
            var log = SampleLog.builder(100)
            try kernel.measure(log.bytes)
            let agent = workshop.log(kernel)
            try agent.refresh()
            log.file("/unread", "x")
            try kernel.snapshot(&log)
            let another = workshop.log(kernel)
            try another.refresh()
            #expect(another.takeNotices() == [.trimmedByAnother(record: 100)])
            #expect(try another.bytes(from: 0) == SampleLog.builder(100).bytes + tail(log, from: 101))
        }
    }

    @Test("before the agent came: the verifier's position tells the records' numbers, once it has come to a match")
    func unknown() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: false)
            var log = SampleLog.builder(100)
            try kernel.snapshot(&log)
            log.file("/behind", "x")
            try kernel.measure(try tail(log, from: 101))
            let agent = workshop.log(kernel)
            try agent.refresh()
            #expect(try agent.firstRecord() == nil)
            // From record 0, which this host doesn't have.
            #expect(try agent.extent(from: 0).firstRecord == nil)
            // From the record that the verifier has come to.
            let extent = try agent.extent(from: 100)
            #expect(extent == .init(firstRecord: 100, nextRecord: 102, bytes: UInt64(try tail(log, from: 100).count)))
            #expect(try agent.serve(first: 101, end: 102, maximumBytes: 1 << 16).records == tail(log, from: 101))
            #expect(try agent.serve(first: 99, end: 102, maximumBytes: 1 << 16).count == 0)
            // It came to nothing.
            try agent.conclude(next: 100)
            #expect(try agent.firstRecord() == nil)
            // It came to a match: another process knows it, too.
            _ = try agent.extent(from: 100)
            try agent.conclude(next: 102)
            let again = workshop.log(kernel)
            try again.refresh()
            #expect(try again.firstRecord() == 100)
            #expect(try again.extent(from: 102) == .init(firstRecord: 100, nextRecord: 102, bytes: 0))
            #expect(try again.extent(from: 0).firstRecord == 100)
            log.file("/more", "x")
            try kernel.measure(try tail(log, from: 102))
            try again.refresh()
            #expect(try again.serve(first: 102, end: 103, maximumBytes: 1 << 16).records == tail(log, from: 102))
            #expect(try again.extent(from: 101).nextRecord == 103)
        }
    }

    @Test("leaves an ordinary log's numbers alone")
    func ordinary() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: false)
            try kernel.measure(SampleLog.builder(10).bytes)
            let agent = workshop.log(kernel)
            #expect(try agent.firstRecord() == 0)
            try agent.refresh()
            #expect(try agent.extent(from: 5).firstRecord == 0 && agent.extent(from: 50).nextRecord == 10)
            try agent.conclude(next: 10)
            #expect(try workshop.reader().index.begins == nil)
        }
    }
}
