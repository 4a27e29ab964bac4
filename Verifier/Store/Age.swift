/// How long ago something was, told by a clock that may have been wrong when it was stamped, or may be wrong now.
///
/// This is the one rule of what counts as fresh: whoever asks whether a verdict, a transfer, a trial or an invitation still
/// stands asks here.
package enum Age: Hashable, Sendable {
    /// So many seconds ago; 0 or more.
    case seconds(Int64)
    /// It is stamped later than now. How old it is, nobody knows: it counts as too old for anything.
    case inTheFuture

    /// Seconds by which a stamp may be ahead of now and be of just now: clocks are stepped back a little, and two processes
    /// needn't read the same second.
    package static let tolerance: Int64 = 60

    /// The age of a stamp.
    ///
    /// - Parameters:
    ///   - stamp: seconds since 1970.
    ///   - time: now, in seconds since 1970.
    package init(of stamp: Int64, at time: Int64) {
        let (difference, overflow) = time.subtractingReportingOverflow(stamp)
        if overflow {
            self = stamp > time ? .inTheFuture : .seconds(.max)
        } else {
            self = difference < -Self.tolerance ? .inTheFuture : .seconds(max(0, difference))
        }
    }

    /// Whether something goes on that began and ends at these stamps: it has begun, by a clock that wasn't ahead, and isn't
    /// over.
    static func isUnderWay(since start: Int64, until end: Int64, at time: Int64) -> Bool {
        Age(of: start, at: time) != .inTheFuture && time < end
    }

    /// Whether it is known to be no more than so many seconds ago.
    package func isWithin(_ seconds: Int64) -> Bool {
        switch self {
        case .seconds(let age): age <= seconds
        case .inTheFuture: false
        }
    }
}
