import Glibc

/// Measures what an appraisal costs this process.
struct Stopwatch {
    private let cpu = seconds(CLOCK_PROCESS_CPUTIME_ID)
    private let wall = seconds(CLOCK_MONOTONIC)

    /// Since it was made.
    var elapsed: AppraisalReport.Time {
        .init(cpu: Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, wall: Self.seconds(CLOCK_MONOTONIC) - wall)
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
