import Appraisal
import AssayCrypto
import Dispatch
import Synchronization
import Testing

@testable import Store

@Suite("One thread writes for many callers") struct WriterTests {
    @Test(
        "hundreds of commits that queue while the writer is busy share one transaction, and each is answered",
        .timeLimit(.minutes(1)))
    func groupCommit() async throws {
        try await TemporaryStore.run { store in
            let ids = (0..<400).map { "agent-\($0)" }
            for id in ids { try await store.enrol(Samples.agent(id)) }
            let before = store.statistics
            let isBusy = Mutex(false)
            let turn = DispatchSemaphore(value: 0)
            async let busy: Void = store.writer.perform { (_, _) throws(StoreError) in
                isBusy.withLock { $0 = true }
                turn.wait()
            }
            while !isBusy.withLock(\.self) { try await Task.sleep(for: .milliseconds(1)) }
            let results = try await withThrowingTaskGroup(of: CommitResult.self) { group in
                for id in ids {
                    group.addTask { try await store.attest(id, keyrings: Samples.keyrings([".ima": [1]])) }
                }
                while store.writer.queueLength < ids.count { try await Task.sleep(for: .milliseconds(1)) }
                turn.signal()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try await busy
            #expect(results == .init(repeating: .committed(verdict: 1), count: ids.count))
            let after = store.statistics
            #expect(after.operations - before.operations == ids.count + 1)
            // The busy one's, and one for all that had queued behind it.
            #expect(after.transactions - before.transactions == 2)
            for id in ids { #expect(try store.snapshot(of: AgentID(id)).state?.nextRecord == 10) }
        }
    }

    @Test("commits of one agent at once: one wins, the others are told") func race() async throws {
        try await TemporaryStore.run { store in
            try await store.attest("host")
            let snapshot = try store.snapshot(of: AgentID("host"))
            let results = try await withThrowingTaskGroup(of: CommitResult.self) { group in
                for _ in 0..<50 {
                    group.addTask { try await store.commit(Samples.outcome(snapshot, progress: nil)) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.filter { $0 == .committed(verdict: 2) }.count == 1)
            #expect(results.filter { $0 == .conflict(.stateChanged) }.count == 49)
        }
    }

    @Test("an operation that fails changes nothing and doesn't fail its neighbours") func neighbours() async throws {
        try await TemporaryStore.run { store in
            let ids = (0..<100).map { "agent-\($0)" }
            let failures = await withTaskGroup(of: StoreError?.self) { group in
                for id in ids + ids {
                    group.addTask { await storeError { try await store.enrol(Samples.agent(id)) } }
                }
                return await group.reduce(into: [StoreError]()) { $0 += $1.map { [$0] } ?? [] }
            }
            #expect(failures.map(\.code) == [StoreError.Code](repeating: .alreadyExists, count: 100))
            let count = try store.agents().count
            #expect(count == 100)
        }
    }

    @Test("an operation whose writes LMDB refuses fails alone") func refusedWrite() async throws {
        try await TemporaryStore.run { store in
            let database = store.schema.agents
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        // Keys of over 511 bytes are an error only when they are written, in the middle of the batch.
                        let key = [UInt8](repeating: 1, count: number.isMultiple(of: 3) ? 600 : 20) + [UInt8(number)]
                        let error = await storeError {
                            try await store.writer.perform { (_, changes) throws(StoreError) in
                                changes.put(key, [1], in: database)
                            }
                        }
                        #expect((error != nil) == number.isMultiple(of: 3))
                    }
                }
            }
            let keys = try store.environment.read { (transaction) throws(StoreError) in
                var keys: [[UInt8]] = []
                try transaction.scan(database, prefix: []) { (key, _) throws(StoreError) in
                    keys.append(key.withUnsafeBufferPointer(Array.init))
                    return true
                }
                return keys
            }
            #expect(keys.count == 40)
            for key in keys {
                try await store.writer.perform { (_, changes) throws(StoreError) in changes.delete(key, in: database) }
            }
        }
    }

    @Test("a map that is full grows under way, and nothing is lost") func growth() async throws {
        try await TemporaryStore.run(size: .init(initial: 128 << 10, ceiling: 64 << 20)) { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        try await store.attest(
                            "agent-\(number)", keyrings: Samples.keyrings([".ima": [1, 2, 3]]),
                            findings: Samples.findings(20))
                    }
                }
                group.addTask {
                    // Readers go on meanwhile, and are held back while the map is replaced.
                    for _ in 0..<2000 { _ = try store.agents(limit: 20) }
                }
                try await group.waitForAll()
            }
            #expect(store.statistics.growths >= 3)
            #expect(store.environment.currentMapSize > 1 << 20)
            for number in 0..<300 {
                let snapshot = try store.snapshot(of: AgentID("agent-\(number)"))
                #expect(snapshot.appraisal?.findings == Samples.findings(20))
            }
        }
    }

    @Test("at the ceiling a commit fails, the store stays whole, and room made is used") func ceiling() async throws {
        try await TemporaryStore.run(size: .init(initial: 128 << 10, ceiling: 512 << 10)) { store in
            try await store.attest("host")
            let size = 100_000
            var put = 0
            let failure = await storeError {
                while put < 20 {
                    let source = [UInt8](repeating: UInt8(put), count: size)
                    try await store.putPolicy("large", source: source, compiled: [], at: 0)
                    put += 1
                }
            }
            #expect(failure?.code == .mapFull)
            #expect(put > 0 && put < 20)
            #expect(store.environment.currentMapSize == 512 << 10)
            let large = try #require(try store.policy(named: "large"))
            #expect(try store.policySource(large.contentHash)?.count == size)
            #expect(try await store.attest("host") == .committed(verdict: 2))
        }
    }

    @Test("what was asked before closing is written, what comes after is refused") func closing() async throws {
        try await TemporaryStore.inFolder { folder in
            let store = try Store(path: folder.path)
            let enrolled = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        await storeError { try await store.enrol(Samples.agent("agent-\(number)")) } == nil
                    }
                }
                group.addTask {
                    store.close()
                    return false
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            let again = try Store(path: folder.path)
            #expect(try again.agents().count == enrolled)
            again.close()
        }
    }
}
