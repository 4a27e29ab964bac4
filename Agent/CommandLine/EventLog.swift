import Attester
import Bytes
import Logging
import Messages
import Synchronization
import Terminal

/// Writes down what the agent does, for a service's log.
final class EventLog: Sendable {
    private let logger: Logger
    /// When a transfer's progress was last told.
    private let told = Mutex(ContinuousClock.now)

    private let verdicts = Atomic<Bool>(false)

    private static let interval = Duration.seconds(10)

    init(logger: Logger) { self.logger = logger }

    /// Whether there was a verdict.
    var hasVerdict: Bool { verdicts.load(ordering: .relaxed) }

    @Sendable func write(_ event: Attester.Event) {
        switch event {
        case .challenged(let first): logger.info("challenged", metadata: ["first_record": "\(first)"])
        case .progress(let progress, let rate): write(progress, rate)
        case .notice(let notice): logger.warning("\(notice)")
        case .verdict(let result):
            verdicts.store(true, ordering: .relaxed)
            let counts = result.findingCounts.map { "\($0.reason)=\($0.count)" }.joined(separator: " ")
            logger.log(
                level: result.tier == .contraindicated ? .error : .info, "verdict",
                metadata: [
                    "tier": "\(result.tier)", "next_record": "\(result.nextRecord)",
                    "records": "\(result.recordsAppraised)", "findings": "\(counts)",
                    "identity": "\(result.identity)", "boot": "\(result.boot)",
                ])
        case .renewal(.success(let issued)):
            if issued.certificates.isEmpty {
                logger.warning("the agent's certificate ends soon, and its own authority must renew it")
            } else {
                logger.notice("the agent's certificate was renewed")
            }
        case .renewal(.failure(let failure)):
            logger.error(
                "the agent's certificate was not renewed", metadata: ["error": "\(escaped(text: failure.description))"])
        }
    }

    /// A long transfer is told of now and then, each shard only to who looks closely.
    private func write(_ progress: AttesterSession.Progress, _ rate: TransferRate) {
        let isDue = told.withLock { told in
            guard ContinuousClock.now - told >= Self.interval else { return false }
            told = .now
            return true
        }
        var metadata: Logger.Metadata = [
            "records": "\(progress.recordsSent)", "of": "\(progress.recordsTotal)",
            "bytes": "\(progress.bytesSent)", "of_bytes": "\(progress.bytesTotal)",
            "more_data_pending": "\(progress.moreDataPending)",
        ]
        // Numbers, each under its key; none before there is a rate.
        let rates = [
            ("records_per_second", rate.recordsPerSecond), ("bytes_per_second", rate.bytesPerSecond),
            ("seconds_left", rate.secondsLeft ?? 0),
        ]
        for (key, value) in rates {
            if let whole = UInt64(exactly: value.rounded()), whole > 0 { metadata[key] = "\(whole)" }
        }
        logger.log(level: isDue ? .info : .debug, "shard sent", metadata: metadata)
    }
}
