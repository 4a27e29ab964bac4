import Attester
import Messages
import Store
import TPM
import TPMDevice
import Testing
import Transport

extension EndToEnd {
    @Suite("Who may attest") struct EnrolmentTests {
        /// The error of an honest agent that is refused.
        private func refusal(_ world: World) async throws -> AttesterError {
            let attester = try await world.host.attester()
            return try #require(await #expect(throws: AttesterError.self) { _ = try await world.attest(attester) })
        }

        @Test("an agent that isn't enrolled is refused, with the command that enrols it") func notEnrolled()
            async throws
        {
            try await World.run(measured: try KernelLogs.prefix(10), allows: .notEnrolled) { world in
                let error = try await refusal(world)
                #expect(error.refusal != nil)
                #expect(error.problem.contains("PERMISSION_DENIED"))
                #expect(error.problem.contains("assay-verifier agents add web-1"))
            }
        }

        @Test("a revoked agent is refused, and welcome again when that is taken back") func revoked() async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                let id = try AgentID(Host.id)
                try await world.store.setRevocation(of: id, at: now())
                let error = try await refusal(world)
                #expect(error.refusal != nil && error.problem.contains("revoked"))
                #expect(try world.snapshot().verdict == nil)
                try await world.store.setRevocation(of: id, at: nil)
                #expect(try await world.attest(try await world.host.attester()).result.tier == .affirming)
            }
        }

        @Test("a verifier that stops tells its agents so, and nothing is wrong with that") func stopping() async throws
        {
            var attesting: Task<Void, any Error>?
            var log: RecordedLog?
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                log = world.log
                let attester = try await world.host.attester()
                let connection = try await world.dial()
                let (verdicts, continuation) = AsyncStream.makeStream(of: Void.self)
                attesting = Task {
                    _ = try await attester.attest(over: connection, once: false) { event in
                        if case .verdict = event { continuation.yield() }
                    }
                }
                for await _ in verdicts { break }
            }
            let error = await #expect(throws: AttesterError.self) { try await attesting?.value }
            #expect(error?.refusal?.code == .unavailable && error?.refusal?.advice == .comeBack)
            #expect(log?.all.filter { $0.hasPrefix("warning") || $0.hasPrefix("error") } == [])
        }

        @Test("an agent that is revoked in mid-transfer gets no verdict") func revokedMeanwhile() async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                let agent = try await RawAgent(world)
                let challenge = try await agent.greet()
                try await agent.send(.evidence(try await agent.evidence(for: challenge)))
                try await world.store.setRevocation(of: AgentID(Host.id), at: now())
                try await agent.send(.logShard(try agent.shard(for: challenge)))
                #expect(try await agent.status().code == .permissionDenied)
                await agent.connection.close()
                #expect(try world.snapshot().verdict == nil)
            }
        }

        @Test("a policy that changes in mid-transfer: nothing is committed, and the round begins anew")
        func changedMeanwhile()
            async throws
        {
            let log = try KernelLogs.prefix(10)
            try await World.run(measured: log) { world in
                let agent = try await RawAgent(world)
                let first = try await agent.greet()
                try await agent.send(.evidence(try await agent.evidence(for: first)))
                try await world.store.assign(try KernelLogs.prefix(9))
                try await agent.send(.logShard(try agent.shard(for: first)))
                let second = try await agent.challenge()
                #expect(second.nonce != first.nonce)
                #expect(second.firstRecord == 0)
                try await agent.answer(second)
                #expect(try await agent.result().tier == .contraindicated)
                await agent.connection.close()
                #expect(try world.snapshot().verdict?.number == 1)
            }
        }

        @Test("an attestation key that isn't the enrolled one is refused") func wrongKey() async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                let device = world.host.device
                let other = try await device.createAttestationKey(.p256).publicArea
                var enrolled = try world.store.agent(AgentID(Host.id))
                enrolled.attestationKeyPublic = other
                enrolled.attestationKeyName = try PublicArea(tpm2bPublic: other).name()
                try await world.store.enrol(enrolled, replacing: true)
                let error = try await refusal(world)
                #expect(error.refusal != nil && error.problem.contains("enrolled"))
                #expect(try world.snapshot().verdict == nil)
            }
        }

        @Test("a newer connection of the same agent takes over") func takeover() async throws {
            try await World.run(measured: try KernelLogs.prefix(10)) { world in
                let older = try await RawAgent(world)
                let challenge = try await older.greet()
                try await older.send(.evidence(try await older.evidence(for: challenge)))
                async let told = older.status()
                let newer = try await RawAgent(world)
                try await newer.answer(try await newer.greet())
                #expect(try await newer.result().tier == .affirming)
                let status = try await told
                #expect(status.code == .aborted)
                #expect(status.message.contains("took over"))
                await older.connection.close()
                await newer.connection.close()
                #expect(try world.snapshot().verdict?.number == 1)
            }
        }
    }
}
