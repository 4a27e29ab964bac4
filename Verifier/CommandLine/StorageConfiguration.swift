import Settings
import Store

/// How large the store may become, how much of the past it keeps, and when it forgets an agent.
struct StorageConfiguration: Sendable {
    let size: Store.Size
    let history: HistoryBounds
    /// Seconds without a verdict after which an agent is removed; nil for never.
    let forgetAfter: Int64?

    init(_ settings: Settings) throws {
        size = Store.Size(ceiling: try settings.value(of: VerifierSettings.storeLimit) << 20)
        var history = HistoryBounds()
        history.verdicts = try settings.value(of: VerifierSettings.historyVerdicts)
        history.full = try settings.value(of: VerifierSettings.historyFull)
        history.age = Int64(try settings.value(of: VerifierSettings.historyAge))
        history.bytes = try settings.value(of: VerifierSettings.historyBytes)
        history.events = try settings.value(of: VerifierSettings.historyEvents)
        self.history = history
        let seconds = try settings.value(of: VerifierSettings.forgetAfter)
        let maximumAge = try settings.value(of: VerifierSettings.maximumAge)
        guard seconds == 0 || seconds > maximumAge else {
            throw StorageConfigurationError(seconds: seconds, maximumAge: maximumAge)
        }
        forgetAfter = seconds == 0 ? nil : Int64(seconds)
    }
}

/// Agents would be removed while their verdicts stand.
struct StorageConfigurationError: Error, CustomStringConvertible {
    let seconds: Int
    let maximumAge: Int

    var description: String {
        "agents.forget_after is \(seconds) seconds, and verdicts stand for \(maximumAge) (attestation.max_age): agents "
            + "in good standing would be removed; make it longer, or 0 for never"
    }
}
