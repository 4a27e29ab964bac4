import Monitoring
import Settings
import SystemPackage

extension Monitor.Settings {
    /// What the configuration says under `monitoring` and `hooks`.
    init(_ settings: Settings) throws {
        self.init()
        let isEnabled = try settings.word("monitoring.enabled", default: Answer.yes) == .yes
        let port = try settings.integer("monitoring.port", default: 7444, in: 0...65535)
        self.port = isEnabled ? port : nil
        if let path = try settings.text("hooks.command") { hooks.append(try CommandHook(path: FilePath(path))) }
        if let url = try settings.text("hooks.webhook") {
            hooks.append(
                try WebhookHook(WebhookAddress(url), trustRootsFile: try settings.text("hooks.webhook_trust")))
        }
        queue.timeoutSeconds = try settings.integer("hooks.timeout", default: 10, in: 1...300)
        queue.attempts = try settings.integer("hooks.attempts", default: 5, in: 1...20)
        queue.limit = try settings.integer("hooks.queue", default: 1000, in: 1...1_000_000)
    }

    private enum Answer: String, CaseIterable {
        case yes = "true"
        case no = "false"
    }
}
