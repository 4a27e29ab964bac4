import IMA
import Shards
import SystemPackage
package import TPM

/// Holding the log to PCR values.
extension MeasurementLog {
    /// Replays all records that there are towards PCR values: those that are stored, and behind them those that the kernel
    /// alone has, for want of room.
    ///
    /// - Returns: how many records there are when all PCRs have the values; nil if they never do.
    package func replay(towards values: PCRValues) throws(AttesterError) -> UInt64? {
        var replay =
            try reading { reader throws(ShardError) in try reader.replayed(towards: values) }
            ?? LogReplay(towards: values)
        try forEachPart(from: replay.nextRecord) { records throws(AttesterError) in
            do throws(LogError) {
                try replay.take(records, format)
            } catch {
                throw malformed(.measurements, error)
            }
        }
        return replay.matched
    }

    /// Replays what the kernel itself shows, and nothing else, towards PCR values.
    ///
    /// - Returns: how many of its records there are when all PCRs have the values; nil if it takes none of them, or they never
    ///   do. If they do, the kernel holds everything that was measured since the PCRs were reset.
    package func replayKernel(towards values: PCRValues) throws(AttesterError) -> UInt64? {
        defer { kernel.rest() }
        var replay = LogReplay(towards: values)
        var format: LogFormat?
        for file in kernel.isStaging ? [KernelFile.staged, .measurements] : [.measurements] {
            var stream = RecordStream(record: replay.nextRecord, offset: 0, format: format)
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = try read(file, at: stream.readOffset, into: &buffer), count > 0 {
                stream.feed(buffer[..<count])
                if let fault = stream.fault { throw malformed(file, fault) }
                format = stream.format
                guard let format else { continue }
                do throws(LogError) {
                    try replay.take(stream.take(), format)
                } catch {
                    throw malformed(file, error)
                }
            }
        }
        return replay.matched.flatMap { $0 > 0 ? $0 : nil }
    }

    /// Gives all records from one on, in order, in parts of about 1 MiB.
    package func forEachPart(
        from first: UInt64 = 0, _ body: ([UInt8]) throws(AttesterError) -> Void
    ) throws(AttesterError) {
        var next = first
        while next < nextRecord {
            let part = try shard(first: next, end: nextRecord, maximumBytes: ShardWriter.targetBytes)
            guard part.count > 0 else {
                throw AttesterError(
                    .logUnreadable, place: kernel.files.path(.measurements).string,
                    problem: "record \(next), for which the shards have no room, isn't there any more: another program "
                        + "frees the kernel's records")
            }
            try body(part.records)
            next += UInt64(part.count)
        }
    }

    private func malformed(_ file: KernelFile, _ error: LogError) -> AttesterError {
        AttesterError(.logMalformed, place: kernel.files.path(file).string, problem: "\(error)")
    }
}
