import StandInKernel
import TestSupport

/// Logs of real kernels that hosts of the tests measure.
enum KernelLogs {
    /// 203 records of several templates' worth of trouble: keys on seven keyrings, good and bad signatures, violations.
    static let imasig = Result {
        try Fixtures.bytes("kernel/k612-imasig-sha256/boot1/log/binary_runtime_measurements")
    }

    /// The first 3,000 of 120,000 records: 600 KB, so that nobody gets it done in one shard.
    static let large = Result {
        let log = try Fixtures.unpacked("kernel/k612-large-120k/boot1/log/binary_runtime_measurements.xz")
        return try KernelRecords.cut(log, count: 3000)
    }

    /// The first records of the large one.
    static func prefix(_ count: UInt64) throws -> [UInt8] {
        try KernelRecords.cut(try large.get(), count: count)
    }
}
