import AssayCrypto
import Bytes
import Foundation
import TestSupport
import Testing
import Transport

@testable import Monitoring

@Suite("A webhook", .timeLimit(.minutes(2))) struct WebhookTests {
    @Test(
        "is where its URL says",
        arguments: [
            ("http://alerts.example", false, "alerts.example", 80, "/", "alerts.example"),
            ("https://alerts.example/a%20b?x=1&y", true, "alerts.example", 443, "/a%20b?x=1&y", "alerts.example"),
            ("http://127.0.0.1:8080/hook", false, "127.0.0.1", 8080, "/hook", "127.0.0.1:8080"),
            ("https://[2001:db8::1]:444/", true, "2001:db8::1", 444, "/", "[2001:db8::1]:444"),
        ])
    func address(text: String, isSecure: Bool, host: String, port: Int, target: String, authority: String) throws {
        let address = try WebhookAddress(text)
        #expect(address.isSecure == isSecure && address.host.description == host && address.port == port)
        #expect(address.target == Secret(Array(target.utf8)) && address.authority == authority)
    }

    @Test(
        "is shown without what a service may know its user by",
        arguments: [
            ("https://alerts.example/T0/abc?key=1", "https://alerts.example/<secret>"),
            ("https://alerts.example:8443/", "https://alerts.example:8443/"), ("http://[::1]:80", "http://[::1]:80"),
            ("https://user:pw@alerts.example?key=1", "https://alerts.example<secret>"),
            ("alerts.example/T0/abc", "<secret>"), ("https://a/b\nc", "https://a/<secret>"), ("", "<secret>"),
        ])
    func shown(text: String, shown: String) {
        #expect(WebhookAddress.withoutTarget(text) == shown)
        let printed = (try? WebhookAddress(text)).map { "\($0) \(String(reflecting: $0))" } ?? ""
        #expect(!printed.contains("abc") && !printed.contains("key"))
    }

    @Test(
        "is refused, with the setting's name, if its URL can't be posted to",
        arguments: [
            "", "alerts.example", "ftp://alerts.example/", "http://", "http:///path", "https://user:pw@alerts.example/",
            "http://10.0.0.256/", "http://-x.example/", "http://a..example/", "http://[fe80::1%25eth0]/",
            "http://alerts.example:0/",
            "http://alerts.example:70000/", "file:///etc/passwd",
        ])
    func refused(text: String) {
        let error = #expect(throws: HookError.self) { try WebhookAddress(text) }
        #expect(error?.description.contains("hooks.webhook") == true)
    }

    private func hook(_ server: OneAnswerServer, _ scheme: String = "http", trust: String? = nil) throws -> WebhookHook
    {
        try WebhookHook(
            try WebhookAddress("\(scheme)://127.0.0.1:\(server.port)/hook?source=assay"), trustRootsFile: trust)
    }

    @Test("is told by a POST of the event", arguments: ["200 OK", "204 No Content"])
    func told(status: String) async throws {
        let server = try OneAnswerServer(answer: "HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n")
        defer { server.stop() }
        let change = try Samples.change()
        try await hook(server).deliver(change)
        let request = server.request
        #expect(request.hasPrefix("POST /hook?source=assay HTTP/1.1\r\n"))
        #expect(request.contains("\r\nHost: 127.0.0.1:\(server.port)\r\n"))
        #expect(request.contains("\r\nContent-Type: application/json\r\n"))
        #expect(request.contains("\r\nContent-Length: \(change.json.utf8.count)\r\n"))
        #expect(request.hasSuffix("\r\n\r\n" + change.json))
    }

    @Test(
        "has not taken note if it answers anything else",
        arguments: ["302 Found", "404 Not Found", "503 Service Unavailable"])
    func answered(status: String) async throws {
        let server = try OneAnswerServer(answer: "HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n")
        defer { server.stop() }
        let error = await #expect(throws: HookError.self) { try await hook(server).deliver(try Samples.change()) }
        #expect(error?.description.contains(status) == true)
    }

    @Test("has not taken note if it hangs up, or says nothing that is HTTP", arguments: ["", "220 ready\r\n\r\n"])
    func nonsense(answer: String) async throws {
        let server = try OneAnswerServer(answer: answer)
        defer { server.stop() }
        await #expect(throws: (any Error).self) { try await hook(server).deliver(try Samples.change()) }
    }

    @Test("that isn't there is an error, and one that never answers can be given up")
    func silent() async throws {
        let server = try OneAnswerServer(answer: nil)
        let hook = try hook(server)
        let delivery = Task { try await hook.deliver(try Samples.change()) }
        while !server.request.contains("\"event\"") { try await Task.sleep(for: .milliseconds(5)) }
        delivery.cancel()
        await #expect(throws: (any Error).self) { try await delivery.value }
        server.stop()
        await #expect(throws: (any Error).self) { try await hook.deliver(try Samples.change()) }
    }

    @Test("over https is told if its certificate is of an authority that is trusted, and else isn't")
    func secure() async throws {
        let pki = try TestPKI()
        defer { pki.remove() }
        let server = try SecureAnswerServer(pki)
        defer { server.stop() }
        let address = try WebhookAddress("https://127.0.0.1:\(server.port)/hook")
        for trust in [pki.path("other-ca.pem"), nil] {
            let stranger = try WebhookHook(address, trustRootsFile: trust)
            let error = await #expect(throws: TransportError.self) { try await stranger.deliver(try Samples.change()) }
            #expect("\(error.map { "\($0)" } ?? "")".contains("certificate"))
        }
        // The certificate is for 127.0.0.1 and verifier.test.
        let misnamed = try WebhookHook(
            try WebhookAddress("https://localhost:\(server.port)/hook"), trustRootsFile: pki.path("ca.pem"))
        await #expect(throws: TransportError.self) { try await misnamed.deliver(try Samples.change()) }
        #expect(!server.request.contains("event"))
        let change = try Samples.change()
        async let told: Void = WebhookHook(address, trustRootsFile: pki.path("ca.pem")).deliver(change)
        try await server.answer(change.json, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        try await told
    }
}
