package import ArgumentParser
package import Logging

/// How much a service writes to standard error.
package struct LoggingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical, over logging.level.", valueName: "level"),
        completion: .list(Logger.Level.allCases.map(\.rawValue)),
        transform: Self.level)
    package var logLevel: Logger.Level?

    package init() {}

    /// A logger to standard error.
    ///
    /// - Parameter configured: the level without the flag.
    package func logger(_ label: String, configured: Logger.Level) -> Logger {
        var logger = Logger(label: label) { LogfmtHandler(label: $0) }
        logger.logLevel = logLevel ?? configured
        return logger
    }

    private static func level(_ text: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: text) else {
            throw ValidationError("it is none of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return level
    }
}
