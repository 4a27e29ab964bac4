internal import AssayCrypto
internal import Bytes
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
package import Transport

/// Posts each change as JSON to a URL. What answers with a status from 200 to 299 has been told; redirects aren't
/// followed.
package struct WebhookHook: Hook {
    private let address: WebhookAddress
    /// Nil for plain HTTP.
    private let tls: TLSContext?

    package var kind: HookKind { .webhook }

    /// - Parameters:
    ///   - address: where to.
    ///   - trustRootsFile: PEM of the authorities that an `https` server's certificate may be of; nil for the system's.
    package init(_ address: WebhookAddress, trustRootsFile: String?) throws(TLSError) {
        self.address = address
        tls = address.isSecure ? try TLSContext.web(trustRootsFile: trustRootsFile) : nil
    }

    package func deliver(_ change: TierChange) async throws {
        let (tls, host) = (tls, address.host.description)
        let connection: Connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let ready = try tls.map { try WebTLS.begin(on: channel, context: $0, serverName: host) }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    let response = ResponseHandler(channel.eventLoop.makePromise(of: HTTPResponseStatus.self))
                    try channel.pipeline.syncOperations.addHandler(response)
                    return Connection(
                        channel: channel, ready: ready ?? channel.eventLoop.makeSucceededVoidFuture(),
                        status: response.status.futureResult)
                }
            }
        let status = try await withTaskCancellationHandler {
            defer { connection.channel.close(promise: nil) }
            try await connection.ready.get()
            try await send(change.json, over: connection.channel)
            return try await connection.status.get()
        } onCancel: {
            connection.channel.close(promise: nil)
        }
        guard (200...299).contains(status.code) else {
            throw HookError("\(address.authority) answered \(status.code) \(escaped(text: status.reasonPhrase))")
        }
    }

    private struct Connection: Sendable {
        let channel: any Channel
        /// When bytes may be written.
        let ready: EventLoopFuture<Void>
        let status: EventLoopFuture<HTTPResponseStatus>
    }

    private func send(_ json: String, over channel: any Channel) async throws {
        let body = ByteBuffer(string: json)
        let target = String(decoding: address.target.bytes, as: UTF8.self)
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: target)
        head.headers = [
            "Host": address.authority, "Content-Type": "application/json", "User-Agent": "assay-verifier",
            "Content-Length": "\(body.readableBytes)", "Connection": "close",
        ]
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(body)), promise: nil)
        try await channel.writeAndFlush(HTTPClientRequestPart.end(nil)).get()
    }
}

/// Waits for a response's status; its body is of no interest.
private final class ResponseHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    let status: EventLoopPromise<HTTPResponseStatus>

    init(_ status: EventLoopPromise<HTTPResponseStatus>) {
        self.status = status
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data), head.status.code >= 200 else { return }
        status.succeed(head.status)
    }

    func channelInactive(context: ChannelHandlerContext) {
        status.fail(HookError("the server closed the connection without an answer"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        status.fail(error)
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        status.fail(HookError("the connection was given up"))
    }
}
