package import AssayCrypto
import Synchronization

/// When an agent asks for a new certificate: once two thirds of the old one's life are over.
///
/// To a clock that is ahead a new certificate may look that old at once. So the next one is asked for only when two thirds of
/// what was left of it by this clock are over, too: else each connection would be for a renewal, and end with it.
package final class RenewalSchedule: Sendable {
    private let earliest = Mutex(Int64.min)

    /// Nothing was renewed yet.
    package init() {}

    /// Whether to ask now.
    ///
    /// - Parameters:
    ///   - certificate: the agent's own.
    ///   - time: seconds since 1970.
    package func isDue(_ certificate: Certificate, at time: Int64) -> Bool {
        certificate.isDueForRenewal(at: time) && earliest.withLock { time >= $0 }
    }

    /// A new certificate took the old one's place.
    ///
    /// - Parameters:
    ///   - certificate: valid now.
    ///   - time: now, in seconds since 1970.
    package func renewed(_ certificate: Certificate, at time: Int64) {
        let (left, overflow) = (certificate.notAfter ?? time).subtractingReportingOverflow(time)
        earliest.withLock { $0 = overflow || left < 0 ? time : time + left / 3 * 2 }
    }
}
