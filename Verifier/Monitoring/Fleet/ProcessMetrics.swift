internal import CoreMetrics
internal import Glibc
internal import FoundationEssentials
package import Server

/// The process as Prometheus's own clients report it, under their names.
package struct ProcessMetrics: Sendable {
    /// What is read.
    package static let descriptions = [
        MetricDescription("process_cpu_seconds_total", .counter, "User and system time of the process, in seconds."),
        MetricDescription("process_resident_memory_bytes", .gauge, "Memory of the process in RAM, in bytes."),
        MetricDescription("process_open_fds", .gauge, "File descriptors that are open."),
        MetricDescription("process_max_fds", .gauge, "File descriptors that may be open."),
        MetricDescription(
            "process_start_time_seconds", .gauge, "When monitoring began in this process, in seconds since 1970."),
    ]

    private let processorTime: Meter
    private let memory: Meter
    private let descriptors: Meter
    private let maximumDescriptors: Meter

    /// Begins to report.
    ///
    /// - Parameter time: now, in seconds since 1970.
    package init(registry: MetricRegistry, time: Int64) {
        processorTime = Meter(label: "process_cpu_seconds_total", factory: registry)
        memory = Meter(label: "process_resident_memory_bytes", factory: registry)
        descriptors = Meter(label: "process_open_fds", factory: registry)
        maximumDescriptors = Meter(label: "process_max_fds", factory: registry)
        Meter(label: "process_start_time_seconds", factory: registry).set(time)
    }

    /// Reads what is true now.
    package func update() {
        var time = timespec()
        if clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 {
            processorTime.set(Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
        }
        // proc(5), statm: pages in all, then pages in RAM.
        if let statm = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = statm.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        {
            memory.set(Double(pages) * Double(sysconf(Int32(_SC_PAGESIZE))))
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            descriptors.set(open.count)
        }
        maximumDescriptors.set(Double(getdtablesize()))
    }
}
