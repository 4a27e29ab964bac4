import FoundationEssentials

/// A span of time as a person reads it, in its largest whole unit: `42 s`, `5 min`, `3 h`, `12 d`.
package func readableAge(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds) s"
    case ..<7200: "\(seconds / 60) min"
    case ..<172_800: "\(seconds / 3600) h"
    default: "\(seconds / 86_400) d"
    }
}

/// A time in UTC, such as `2026-11-22T21:30:00Z`.
///
/// - Parameter time: seconds since 1970.
package func readableTime(_ time: Int64) -> String {
    Date(timeIntervalSince1970: Double(time)).formatted(.iso8601)
}
