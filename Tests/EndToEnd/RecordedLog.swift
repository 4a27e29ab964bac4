import Logging
import Synchronization

/// What a server logged, line by line.
final class RecordedLog: Sendable {
    private let lines = Mutex<[String]>([])

    /// Lines of level notice and above.
    var all: [String] { lines.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .notice
        return logger
    }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var logLevel = Logger.Level.notice
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let words = all.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: " ")
            log.lines.withLock { $0.append("\(event.level) \(event.message) \(words)") }
        }
    }
}
