import Logging
import NIOCore
import Synchronization
import Testing
import Transport

@testable import Server

/// Keeps what is logged.
private final class Lines: Sendable {
    private let list = Mutex<[String]>([])
    var all: [String] { list.withLock { $0 } }

    func logger() -> Logger {
        Logger(label: "test") { _ in Handler(lines: self) }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.list.withLock { $0.append(([event.message.description] + metadata).joined(separator: " ")) }
        }
    }
}

@Suite("Strangers") struct StrangerTests {
    @Test("have so many lines of the log, and the next one says how many were left out") func log() {
        let lines = Lines()
        let log = StrangerLog(logger: lines.logger())
        let start = ContinuousClock.now
        for number in 0..<1000 { log.log(.warning, "refused", ["number": "\(number)"], at: start) }
        #expect(lines.all.count == 20 && lines.all.last == "refused number=19")
        for number in 0..<100 { log.log(.warning, "later", ["number": "\(number)"], at: start + .seconds(6)) }
        #expect(lines.all.count <= 22)
        #expect(lines.all.dropFirst(20).first == "later like_it_and_left_out=980 number=0")
        for _ in 0..<100 { log.log(.warning, "much later", [:], at: start + .seconds(3600)) }
        #expect(lines.all.count { $0.hasPrefix("much later") } == 20)
    }

    @Test("that crowd the listener are in the log every ten seconds, and in health for a minute") func crowd() {
        let lines = Lines()
        let watch = CrowdWatch(metrics: ServerMetrics(), logger: lines.logger())
        let start = ContinuousClock.now
        #expect(watch.warnings(at: start).isEmpty)
        for second in 0..<30 {
            for _ in 0..<100 { watch.see(.strangers, at: start + .seconds(second)) }
        }
        watch.see(.descriptors, at: start + .seconds(29))
        #expect(lines.all.count == 4)
        #expect(lines.all.first?.contains("haven't proved who they are") == true)
        #expect(lines.all.last?.contains("LimitNOFILE") == true)
        #expect(watch.warnings(at: start + .seconds(60)).count == 2)
        #expect(watch.warnings(at: start + .seconds(90)).isEmpty)
    }
}
