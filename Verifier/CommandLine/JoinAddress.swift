import Settings
import Terminal

/// Where hosts that join find the verifier: `HOST:PORT`, an IPv6 address in brackets.
struct JoinAddress: Hashable {
    let host: String
    let port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads the setting `join.address`.
    init(_ settings: Settings) throws(CommandFailure) {
        let text: String
        do {
            text = try settings.required(VerifierSettings.joinAddress)
        } catch {
            throw .usage(error)
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65535).contains(port)
        else { throw Self.problem(text) }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard (1...255).contains(host.utf8.count), !host.contains("[") else { throw Self.problem(text) }
        self.init(host: String(host), port: port)
    }

    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func problem(_ text: String) -> CommandFailure {
        CommandFailure(
            .usage, "join.address is \"\(text)\" in the configuration, not HOST:PORT such as verifier.example.org:7443")
    }
}
