import Attester
import Messages
import NIOCore
import NIOPosix
import StandInKernel
import Testing

@testable import Transport

extension EndToEnd {
    @Suite("An agent whose verifier breaks the contract") struct HostileVerifierTests {
        /// What the agent says last, and what its operator reads, after a verifier has answered Hello with some bytes.
        private func answer(to bytes: [UInt8]) async throws -> (said: AgentMessage?, error: AttesterError) {
            var said: AgentMessage?
            var told: AttesterError?
            try await Workshop.run { workshop in
                try await workshop.host.kernel.measure(try KernelLogs.prefix(3))
                let context = try workshop.pki.serverContext()
                let listener = try await AssayListener.bind(
                    host: "127.0.0.1", port: 0, context: { context }, group: MultiThreadedEventLoopGroup.singleton)
                let attester = try await workshop.host.attester()
                let agent = try await AssayDialer.connect(
                    host: "127.0.0.1", port: listener.port, context: try workshop.pki.clientContext("agent"),
                    group: MultiThreadedEventLoopGroup.singleton)
                var connections = listener.connections.makeAsyncIterator()
                let verifier = try #require(await connections.next())
                async let failure = #expect(throws: AttesterError.self) {
                    _ = try await attester.attest(over: agent, once: true) { _ in }
                }
                let first = try await verifier.receive()
                guard case .hello = first else { throw Unexpected("no Hello, but \(String(describing: first))") }
                try await verifier.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
                said = try await verifier.receive()
                told = await failure
                await verifier.close()
                await listener.close()
            }
            return (said, try #require(told))
        }

        @Test(
            "ends with a Status that says what can't be read, and tells its operator what to do",
            arguments: [
                ([0, 0, 0, 0, 4, 0xde, 0xad, 0xbe, 0xef], Status.Code.invalidArgument),
                ([7, 0, 0, 0, 0], .invalidArgument), ([0, 0xff, 0, 0, 0], .resourceExhausted),
                ([0, 0, 0, 0, 3, 0xfa, 1, 0], .unimplemented),
            ] as [([UInt8], Status.Code)])
        func unreadable(bytes: [UInt8], code: Status.Code) async throws {
            let (said, error) = try await answer(to: bytes)
            guard case .status(let status)? = said else {
                Issue.record("no Status, but \(String(describing: said))")
                return
            }
            #expect(status.code == code)
            #expect(error.code == .unreadable(status))
            #expect(error.description.contains("install the same release on host and verifier"))
        }

        @Test("names what came and what was awaited where a message is out of turn") func outOfTurn() async throws {
            let credit = VerifierMessage.attestationResult(AttestationResult(round: 3, tier: .affirming, nextRecord: 0))
            let frame = try credit.frame(limit: 1 << 16)
            let (said, error) = try await answer(to: Array(frame.readableBytesView))
            let status = Status(
                .invalidArgument, "AttestationResult of round 3 came, Challenge was awaited", round: 3)
            #expect(said == .status(status))
            #expect(error.code == .refused(status))
        }
    }
}
