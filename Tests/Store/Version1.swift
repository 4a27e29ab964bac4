import Appraisal
import Bytes
import SystemPackage

@testable import Store

/// Makes a store as it was before keyrings: the fixture `generated/store/version-1.mdb.xz` is one of these, compacted.
enum Version1 {
    static let databases = [
        "meta", "agents", "states", "verdicts", "findings", "policies", "compiled-policies", "policy-names",
    ]

    static func make(_ path: FilePath) async throws {
        let store = try Store(path: path)
        try await store.putPolicy("base", source: Array("{}".utf8), compiled: [1], at: 1_700_000_000)
        try await store.enrol(Samples.agent("db-1"))
        for id in ["web-1", "web-2"] {
            try await store.enrol(Samples.agent(id, policy: "base"))
            try await store.attest(id)
        }
        try await store.attest("web-1", findings: Samples.findings(3), tier: .contraindicated)
        store.close()
        _ = try Migration.run(path, to: 1)
        // What a downgrade leaves for the way back was not there before keyrings.
        let environment = try Environment(path: path, readOnly: false, mapSize: .init(), maximumDatabases: 32)
        defer { environment.close() }
        try environment.write { (transaction) throws(StoreError) in
            for name in try transaction.contents().map(\.name) where !databases.contains(name) {
                if let database = try transaction.open(name) { try transaction.drop(database) }
            }
            guard let meta = try transaction.open("meta") else { return }
            for key in [Schema.MetaKey.denyGeneration, Schema.MetaKey.eventNumber, Schema.MetaKey.attestationKeys] {
                try transaction.delete(key, in: meta)
            }
        }
    }
}
