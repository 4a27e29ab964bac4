import AssayCrypto
import IMA
import Shards
import TPM
import TestSupport
import Testing

@testable import Attester

@Suite("Holding the log to the PCRs") struct LogReplayTests {
    private let log = SampleLog.builder(12_000)

    private func values(_ count: Int) throws -> PCRValues { SampleLog.builder(count).values(banks: [.sha1, .sha256]) }

    @Test(
        "takes in what the shards have no room for, from wherever the kernel has it", arguments: [false, true],
        [false, true])
    func overflow(isStaging: Bool, isStaged: Bool) throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: isStaging)
            try kernel.measure(try SampleLog.records(log, 0..<9000))
            if isStaging, isStaged { #expect(kernel.request(.staged, "A\n") == nil) }
            try kernel.measure(try SampleLog.records(log, 9000..<12_000))
            let agent = workshop.log(kernel, trims: isStaging, quota: 1 << 20)
            try agent.refresh()
            #expect(try workshop.reader().index.nextRecord < 9000 && agent.nextRecord == 12_000)
            #expect(try agent.replay(towards: try values(12_000)) == 12_000)
            #expect(try agent.replay(towards: try values(11_000)) == 11_000)
            #expect(try agent.replay(towards: try values(500)) == 500)
            var other = log
            other.file("/other", "x")
            #expect(try agent.replay(towards: other.values()) == nil)
            var parts: [UInt8] = []
            try agent.forEachPart { parts += $0 }
            #expect(parts == log.bytes)
            #expect(!isStaging || kernel.openDescriptors == 0)
        }
    }

    @Test("is no verdict where the kernel's records went meanwhile: an error, not a mismatch") func gone() throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel()
            try kernel.measure(log.bytes)
            let agent = workshop.log(kernel, quota: 1 << 20)
            try agent.refresh()
            #expect(kernel.request(.measurements, "12000\n") == nil)
            let target = try values(12_000)
            let error = #expect(throws: AttesterError.self) { try agent.replay(towards: target) }
            #expect(error?.code == .logUnreadable)
        }
    }

    @Test("of the kernel alone: it holds everything, staged or not, or something was freed", arguments: [false, true])
    func kernelAlone(isStaging: Bool) throws {
        try LogWorkshop.run { workshop in
            let kernel = ModelKernel(isStaging: isStaging)
            let agent = workshop.log(kernel)
            #expect(try agent.replayKernel(towards: try values(100)) == nil)
            try kernel.measure(try SampleLog.records(log, 0..<100))
            if isStaging { #expect(kernel.request(.staged, "A\n") == nil) }
            try kernel.measure(try SampleLog.records(log, 100..<200))
            #expect(try agent.replayKernel(towards: try values(200)) == 200)
            #expect(try agent.replayKernel(towards: try values(150)) == 150)
            #expect(try agent.replayKernel(towards: try values(201)) == nil)
            // A kernel without a TPM extends nothing: that vouches for no record.
            var untouched = PCRValues()
            untouched[.sha256, 10] = Digest(repeating: 0, count: 32)
            #expect(try agent.replayKernel(towards: untouched) == nil)
            // It reads, and stores nothing.
            #expect(throws: ShardError.self) { try workshop.reader() }
            if isStaging {
                #expect(kernel.request(.staged, "D\n") == nil)
                #expect(try agent.replayKernel(towards: try values(200)) == nil)
            }
        }
    }

    @Test("of a log that is none, is told") func malformed() throws {
        try LogWorkshop.run { workshop in
            try workshop.write([UInt8](repeating: 0xff, count: 1 << 21))
            let target = try values(10)
            let error = #expect(throws: AttesterError.self) {
                try workshop.measurements().replayKernel(towards: target)
            }
            #expect(error?.code == .logMalformed)
        }
    }
}
