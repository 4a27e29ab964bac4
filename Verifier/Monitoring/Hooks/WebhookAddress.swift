internal import Foundation

/// Where a webhook is: what `hooks.webhook` says, taken apart.
package struct WebhookAddress: Hashable, Sendable {
    /// Whether it is `https`.
    let isSecure: Bool
    /// A name or an IP address, without brackets.
    let host: String
    let port: Int
    /// Path and query, as they stand in the request's first line.
    let target: String

    /// Reads a URL.
    package init(_ text: String) throws(HookError) {
        guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let host = url.host(percentEncoded: false), !host.isEmpty
        else { throw HookError("hooks.webhook is \"\(text)\", which isn't an http or https URL") }
        guard url.user() == nil, url.password() == nil else {
            throw HookError("hooks.webhook has a user name in it, which isn't supported: put a secret into the path")
        }
        isSecure = scheme == "https"
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = url.port ?? (isSecure ? 443 : 80)
        guard (1...65535).contains(port) else { throw HookError("hooks.webhook has the port \(port)") }
        let path = url.path(percentEncoded: true)
        target = (path.isEmpty ? "/" : path) + (url.query(percentEncoded: true).map { "?" + $0 } ?? "")
    }

    /// What the Host header says.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}
