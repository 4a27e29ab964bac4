package import Logging
import Glibc

/// Writes a service's log to standard error, a line an event: when, how bad, which program, then what as `key=value`, and
/// last the message as `msg`.
///
/// Values are quoted by logfmt's rules, so that nobody's name or words can pass for another key or another line.
package struct LogfmtHandler: LogHandler {
    package var logLevel = Logger.Level.info
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String

    /// - Parameter label: the program.
    package init(label: String) { self.label = label }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var pairs = metadata
        pairs.merge(metadataProvider?.get() ?? [:]) { $1 }
        pairs.merge(event.metadata ?? [:]) { $1 }
        if let error = event.error { pairs["error"] = "\(error)" }
        Output.notice(
            Self.line(
                time: Self.localTime(), level: event.level, label: label,
                pairs: pairs.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 }, message: "\(event.message)"))
    }

    /// The line of an event.
    static func line(
        time: String, level: Logger.Level, label: String, pairs: [(key: String, value: String)], message: String
    ) -> String {
        let all = pairs + [("msg", message)]
        return "\(time) \(level) \(label): " + all.map { "\($0.key)=\(quoted($0.value))" }.joined(separator: " ")
    }

    /// A value as logfmt has it: bare, or in quotes if something in it would end it.
    static func quoted(_ value: String) -> String {
        let isBare = value.unicodeScalars.allSatisfy { scalar in
            scalar.value > 0x20 && scalar != "=" && scalar != "\"" && !isControl(scalar)
        }
        if isBare, !value.isEmpty { return value }
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where isControl(scalar):
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    /// What acts on a terminal, or ends a line, wherever it stands in Unicode.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func localTime() -> String {
        var now = time(nil)
        var fields = tm()
        localtime_r(&now, &fields)
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S%z", &fields)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
