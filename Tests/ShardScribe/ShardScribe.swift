import AssayCrypto
import Foundation
import IMA
import Shards
import Synchronization
import SystemPackage
import TestSupport

/// A process of its own that stores records and, at a given file event, is killed by itself: as suddenly as by anybody
/// else, and at every place in turn.
///
/// Usage: ShardScribe FOLDER EVENT BATCHES: stores so many batches of records behind those that are there; EVENT counts
/// from 1, 0 kills nothing. Prints the number of events.
@main
enum ShardScribe {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let fatal = Int(arguments[2]), let batches = Int(arguments[3]) else { exit(2) }
        let events = Mutex(0)
        var writer = ShardWriter(
            root: FilePath(arguments[1]), epoch: BootEpoch(resetCount: 7), banks: [.sha256]
        ) { _ in
            let count = events.withLock { count in
                count += 1
                return count
            }
            if count == fatal { kill(getpid(), SIGKILL) }
        }
        let lock = try writer.lock()
        try writer.synchronize(holding: lock)
        for batch in 0..<batches {
            let records = Self.batch(batch)
            try writer.append(records, first: UInt64(batch) * 40, format: LogFormat(), holding: lock)
            try writer.set(KernelPosition(kernel: "kernel", record: 0), holding: lock)
        }
        print(events.withLock { $0 })
    }

    /// 40 records, the same always, as long as two thirds of a shard.
    static func batch(_ number: Int) -> [UInt8] {
        var log = LogBuilder()
        if number == 0 { log.bootAggregate() }
        while log.count < 39 { log.file("/batch\(number)/\(log.count)", "\(log.count)") }
        log.buffer("long\(number)", [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 700_000))
        return log.bytes
    }
}
