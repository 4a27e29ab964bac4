import Attester
import Foundation
import Messages
import Server
import StandInKernel
import Store
import Testing
import Transport

extension EndToEnd {
    @Suite("An agent that has itself judged again and again") struct RoundAllowanceTests {
        @Test("is told to wait, however it connects, and an operator can have it judged all the same")
        func refused() async throws {
            let log = try KernelLogs.prefix(10)
            try await World.run(measured: log) { world in
                let attester = try await world.host.attester()
                let id = try AgentID(Host.id)
                for _ in 1...32 { #expect(try await world.attest(attester).result.tier == .affirming) }
                let refusal = try await Self.refusal(world)
                #expect(refusal.code == .resourceExhausted && refusal.message.contains("try again in"))
                #expect((1...16).contains(refusal.retryAfterSeconds))
                // Connecting again doesn't fill the allowance up, and takes no session over.
                #expect(try await Self.refusal(world).code == .resourceExhausted)
                #expect(try world.snapshot().verdict?.number == 32)
                // An operator's request is met, once.
                try await world.store.requestReattestation(of: id, at: now())
                #expect(try await world.attest(attester).result.tier == .affirming)
                #expect(try world.snapshot().reattestation == nil && world.snapshot().verdict?.number == 33)
                #expect(try await Self.refusal(world).code == .resourceExhausted)
            }
        }

        private static func refusal(_ world: World) async throws -> Status {
            let agent = try await RawAgent(world)
            try await agent.send(.hello(try await agent.hello()))
            let status = try await agent.status()
            await agent.connection.close()
            return status
        }

        @Test("doesn't have to wait for rounds that never came to a verdict") func broken() async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                for _ in 1...40 {
                    let agent = try await RawAgent(world)
                    _ = try await agent.greet()
                    await agent.connection.close()
                }
                #expect(try await world.attest(try await world.host.attester()).result.tier == .affirming)
            }
        }

        @Test("leaves nothing in the store where it delivers no quote") func noQuote() async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                _ = try await world.attest(try await world.host.attester())
                let id = try AgentID(Host.id)
                let before = try world.snapshot()
                let events = try world.store.events(of: id)
                let agent = try await RawAgent(world)
                var challenge = try await agent.greet()
                for _ in 1...2 {
                    try await agent.send(.status(Status(.outOfRange, "none", round: challenge.round)))
                    challenge = try await agent.challenge()
                }
                try await agent.send(.status(Status(.outOfRange, "none", round: challenge.round)))
                #expect(try await agent.status().code == .failedPrecondition)
                await agent.connection.close()
                let after = try world.snapshot()
                #expect(after.verdict == before.verdict && after.state == before.state)
                #expect(try world.store.history(of: id).count == 1 && world.store.events(of: id) == events)
            }
        }
    }
}
