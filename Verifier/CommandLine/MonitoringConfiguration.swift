import Monitoring
import Settings
import SystemPackage

extension Monitor.Settings {
    /// What the configuration says under `monitoring` and `hooks`.
    init(_ settings: Settings) throws {
        self.init()
        let port = try settings.value(of: VerifierSettings.monitoringPort)
        self.port = try settings.value(of: VerifierSettings.isMonitored) ? port : nil
        if let path = try settings.value(of: VerifierSettings.hookCommand) {
            hooks.append(try CommandHook(path: FilePath(path)))
        }
        if let url = try settings.value(of: VerifierSettings.webhook) {
            hooks.append(
                try WebhookHook(
                    WebhookAddress(url), trustRootsFile: try settings.value(of: VerifierSettings.webhookTrust)))
        }
        queue.timeoutSeconds = try settings.value(of: VerifierSettings.hookTimeout)
        queue.attempts = try settings.value(of: VerifierSettings.hookAttempts)
        queue.limit = try settings.value(of: VerifierSettings.hookQueue)
    }
}
