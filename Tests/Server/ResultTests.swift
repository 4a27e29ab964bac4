import Appraisal
import AssayCrypto
import Messages
import TPM
import TestSupport
import Testing

@testable import Server

@Suite("What the agent is told of a verdict") struct ResultTests {
    @Test("fits a message of 64 KiB: the first findings, and all of them counted")
    func findings() throws {
        let bench = try Bench(measured: "a")
        for number in 0..<200 {
            bench.host.log.file("/" + String(repeating: "long", count: 300) + "\(number)", "x")
        }
        _ = try bench.attest(records: 50)
        let result = try #require(bench.result)
        #expect(result.findingCounts == [ReasonCount(reason: "not_in_policy", count: 200)])
        #expect(result.findings.map(\.record) == (0..<result.findings.count).map { UInt64($0) + 2 })
        let bytes = result.findings.reduce(0) {
            $0 + $1.path.count + $1.found.utf8.count + $1.expected.utf8.count + $1.remedy.utf8.count
        }
        #expect(bytes > 30 << 10 && bytes <= 40 << 10)
        #expect(bench.outcome?.findings.kept.count == 100)
    }

    @Test("has every finding that fits, with its words")
    func wholeFindings() throws {
        let bench = try Bench(measured: "evil", "a", "worse")
        _ = try bench.attest()
        let result = try #require(bench.result)
        #expect(result.tier == .contraindicated)
        #expect(result.findings.map(\.record) == [1, 3])
        #expect(result.findings.map(\.path) == [Array("/evil".utf8), Array("/worse".utf8)])
        #expect(result.findings.allSatisfy { $0.reason == "not_in_policy" && !$0.remedy.isEmpty && !$0.isWarning })
    }

    @Test("has the keys of the host's keyrings, as many as fit")
    func keyrings() throws {
        let bench = try Bench(measured: "a")
        _ = try bench.attest()
        let stored = try #require(bench.attestation)
        var state = stored.state
        state.keyrings = KeyringModel(
            keyrings: [Array(".ima".utf8): (0..<600).map(key), Array(".evm".utf8): [key(7)]], unusable: [])
        bench.attestation = RoundBasis.Attestation(clock: stored.clock, selection: stored.selection, state: state)
        _ = try bench.attestAgain()
        let keyrings = try #require(bench.result).keyrings
        #expect(keyrings.map(\.name) == [Array(".evm".utf8), Array(".ima".utf8)])
        #expect(keyrings[0].keys == [ReportedKey(keyID: [0, 0, 0, 7], subject: Array("CN 7".utf8), record: 7)])
        #expect((300..<600).contains(keyrings[1].keys.count))
        #expect(keyrings[1].keys.map(\.record) == (0..<keyrings[1].keys.count).map(UInt64.init))
    }

    private func key(_ number: Int) -> LearnedKey {
        let der = Array("certificate \(number)".utf8)
        return LearnedKey(
            keyID: KeyID(UInt32(number)), certificateFingerprint: PCRBank.sha256.digest(of: der),
            fingerprint: PCRBank.sha256.digest(of: Array(der.dropFirst())), subject: "CN \(number)",
            record: UInt64(number), firstSeen: 1_000, material: KeyMaterial(der: der, subjectPublicKeyInfo: der))
    }

    @Test("says how far the boot was appraised")
    func boot() throws {
        let bench = try Bench(measured: "a")
        _ = try bench.attest()
        #expect(bench.result?.boot == "not appraised")
        let value = bench.host.log.values([7])[.sha256, 7]?.description ?? ""
        let text = """
            {"meta": {"version": 1, "generator": 0}, "release": 0, "digests": {}, "excludes": [""], "keyrings": {},
             "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1"}, "ima-buf": {}, "verification-keys": "",
             "assay": {"pcrs": {"7": {"sha256": ["\(value)"]}}}}
            """
        bench.policy = try Policy(json: Array(text.utf8))
        bench.mayResume = false
        _ = try bench.attestAgain()
        #expect(bench.result?.tier != .contraindicated)
        #expect(bench.result?.boot == "PCR 7 compared with the policy's assay.pcrs")
    }
}
