/// How fast a round's records go out, and when they will have.
package struct TransferRate: Hashable, Sendable {
    /// Bytes of records handed to the connection, for each second since the first.
    package let bytesPerSecond: Double
    /// Records likewise.
    package let recordsPerSecond: Double
    /// What the rest takes at this rate; nil before there is one.
    package let secondsLeft: Double?

    /// What goes out within a shorter time goes into buffers: that tells nothing of the link.
    private static let leastTime = Duration.milliseconds(200)

    /// The rate of a round so far; 0 before there is one.
    package init(_ progress: AttesterSession.Progress, after elapsed: Duration) {
        let seconds = elapsed / .seconds(1)
        guard elapsed >= Self.leastTime else {
            (bytesPerSecond, recordsPerSecond, secondsLeft) = (0, 0, nil)
            return
        }
        bytesPerSecond = Double(progress.bytesSent) / seconds
        recordsPerSecond = Double(progress.recordsSent) / seconds
        let left = progress.bytesTotal - min(progress.bytesSent, progress.bytesTotal)
        secondsLeft = bytesPerSecond > 0 ? Double(left) / bytesPerSecond : nil
    }
}
