import Glibc

/// A response to a GET over plain HTTP.
package struct HTTPAnswer: Sendable {
    /// Such as 200; 0 if there was none.
    package let status: Int
    /// The lines before the body.
    package let head: String
    /// What follows.
    package let body: String
}

/// Asks for a path from a server on loopback, as simply as can be: what any scraper's library gets.
package func httpGet(port: Int, path: String, method: String = "GET") throws -> HTTPAnswer {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw HTTPFailure(call: "socket", errno: errno) }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { throw HTTPFailure(call: "connect", errno: errno) }
    let request = Array("\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
    guard send(descriptor, request, request.count, 0) == request.count else {
        throw HTTPFailure(call: "send", errno: errno)
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { bytes += buffer.prefix(count) }
    let text = String(decoding: bytes, as: UTF8.self)
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
    let head = parts.first.map(String.init) ?? ""
    return HTTPAnswer(
        status: head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0, head: head,
        body: parts.count > 1 ? String(parts[1]) : "")
}

private struct HTTPFailure: Error {
    let call: String
    let errno: Int32
}
