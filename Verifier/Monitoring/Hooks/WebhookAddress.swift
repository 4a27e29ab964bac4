internal import AssayCrypto
internal import Bytes
internal import FoundationEssentials

/// Where a webhook is: what `hooks.webhook` says, taken apart.
package struct WebhookAddress: Hashable, Sendable {
    /// Whether it is `https`.
    let isSecure: Bool
    let host: HostName
    let port: Int
    /// Path and query, as they stand in the request's first line: many services know their users by them alone.
    let target: Secret

    /// Reads a URL.
    package init(_ text: String) throws(HookError) {
        guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let host = url.host(percentEncoded: false), !host.isEmpty
        else { throw HookError("hooks.webhook is \"\(Self.withoutTarget(text))\", which isn't an http or https URL") }
        guard url.user() == nil, url.password() == nil else {
            throw HookError("hooks.webhook has a user name in it, which isn't supported: put a secret into the path")
        }
        isSecure = scheme == "https"
        guard let name = HostName(host) else {
            throw HookError("hooks.webhook names the host \"\(escaped(host.utf8))\", not \(HostName.form)")
        }
        self.host = name
        port = url.port ?? (isSecure ? 443 : 80)
        guard (1...65535).contains(port) else { throw HookError("hooks.webhook has the port \(port)") }
        let path = url.path(percentEncoded: true)
        let query = url.query(percentEncoded: true).map { "?" + $0 } ?? ""
        target = Secret(Array(((path.isEmpty ? "/" : path) + query).utf8))
    }

    /// A URL as it may be shown: whom to call, without the user's name, path and query.
    package static func withoutTarget(_ text: String) -> String {
        let parts = text.wholeMatch(of: /([^:\/]+:\/\/)(?:[^\/?#]*@)?([^\/?#]*)(\/?)(.*)/.dotMatchesNewlines())
        guard let parts else {
            return "\(Secret([]))"
        }
        return "\(parts.1)\(parts.2)\(parts.3)" + (parts.4.isEmpty ? "" : "\(Secret([]))")
    }

    /// What the Host header says.
    var authority: String {
        guard port == (isSecure ? 443 : 80) else { return host.withPort(port) }
        return host.description.contains(":") ? "[\(host)]" : host.description
    }
}
