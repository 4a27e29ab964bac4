import Appraisal
import AssayCrypto
import Foundation
import Store
import SystemPackage
import TestSupport
import Testing

@testable import Server

@Suite("Policies out of the store") struct PolicyRecompilationTests {
    private func inStore(_ body: (Store) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-policies-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try Store(path: FilePath(folder.path))
        defer { store.close() }
        try await body(store)
    }

    private func policy(pcrs: String) -> [UInt8] {
        Array(
            """
            {"meta": {"version": 1, "generator": 0}, "release": 0, "digests": {}, "excludes": [], "keyrings": {},
             "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1"}, "ima-buf": {}, "verification-keys": "",
             "assay": {"pcrs": {\(pcrs)}}}
            """.utf8)
    }

    @Test("are compiled anew where another release has compiled them, signed ones too", arguments: [false, true])
    func recompiled(isSigned: Bool) async throws {
        let key = try SigningKey(curve: "prime256v1")
        let plain = policy(pcrs: "")
        let source =
            isSigned
            ? try SignedPolicy.envelope(of: plain, keyID: "") { message in
                try key.sign(PCRBank.sha256.digest(of: message).bytes, .sha256)
            } : plain
        let signers = isSigned ? [try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo)] : []
        let put = try Policy(source: source, signers: signers)
        try await inStore { store in
            // The layout's version stands behind eight bytes of magic.
            var other = put.compiled
            other[8] = 1
            for compiled in [put.compiled, other, []] {
                let hash = try await store.putPolicy("web", source: source, compiled: compiled, at: 0)
                let loaded = try PolicyCache(store: store).policy(hash)
                #expect(loaded.contentHash == put.contentHash && loaded.compiled == put.compiled)
            }
        }
    }

    @Test("tell how far a verdict covers the boot, where one judged, and where the quoted values were looked at")
    func boot() async throws {
        try await inStore { store in
            let source = policy(pcrs: #""0": {}, "4": {"sha1": []}, "5": {"sha1": []}"#)
            let hash = try await store.putPolicy(
                "web", source: source, compiled: try Policy(json: source).compiled, at: 0)
            let cache = PolicyCache(store: store)
            func boot(_ hash: Digest?, failures: [Reason: UInt64] = [:]) -> String {
                let verdict = Verdict(
                    tier: .affirming, challengedAt: 0, givenAt: 0, policyHash: hash, appraisedRecords: 1,
                    excessRecords: 0,
                    failures: failures, warnings: [:])
                return cache.boot(of: verdict).description
            }
            #expect(boot(hash) == "PCR 4-5 compared with the policy's assay.pcrs")
            #expect(boot(hash, failures: [.pcrMismatch: 1]) == boot(hash))
            #expect(boot(hash, failures: [.clockWentBack: 1]) == "not appraised")
            #expect(boot(nil) == "not appraised" && boot(Digest(repeating: 1, count: 32)) == "not appraised")
            #expect(cache.boot(of: nil) == .none)
        }
    }
}
