import Appraisal
import AssayCrypto
import IMA

@testable import Store
@testable import TPM

/// Values for tests, made of a number.
enum Samples {
    static func agent(_ id: String, policy: String? = nil) throws -> Agent {
        Agent(
            id: try AgentID(id), attestationKeyPublic: Array("public of \(id)".utf8),
            attestationKeyName: Array("name of \(id)".utf8), enrolledAt: 1_700_000_000, policyName: policy)
    }

    static func key(_ number: Int) -> LearnedKey {
        let der = Array("certificate \(number)".utf8)
        return LearnedKey(
            keyID: KeyID(UInt32(number)), certificateFingerprint: PCRBank.sha256.digest(of: der),
            fingerprint: PCRBank.sha256.digest(of: Array(der.dropFirst())), subject: "CN \(number)",
            record: UInt64(number), firstSeen: Int64(number) + 1_000,
            material: KeyMaterial(der: der, subjectPublicKeyInfo: der))
    }

    static func keyrings(_ rings: [String: [Int]], unusable: [UInt32] = []) -> KeyringModel {
        KeyringModel(
            keyrings: .init(uniqueKeysWithValues: rings.map { (Array($0.utf8), $1.map(key)) }),
            unusable: Set(unusable.map { KeyID($0) }))
    }

    static func findings(_ count: Int) -> Findings {
        var findings = Findings()
        for number in 0..<count {
            findings.add(
                Finding(
                    number.isMultiple(of: 2) ? .notInPolicy : .violation, record: UInt64(number),
                    path: [0x2f, 0xff, 0x0a, UInt8(truncatingIfNeeded: number)], found: "sha256:\(number)",
                    expected: "sha256:0", isWarning: !number.isMultiple(of: 2)))
        }
        return findings
    }

    static func warnings(_ count: Int) -> Findings {
        var findings = Findings()
        for number in 0..<count {
            findings.add(Finding(.violation, record: UInt64(number), path: [0x2f], isWarning: true))
        }
        return findings
    }

    static func appraisal(
        next: UInt64, keyrings: KeyringModel = KeyringModel(), findings: Findings = Findings()
    ) -> AppraisalState {
        AppraisalState(
            nextRecord: next, recordsReceived: next + 3, fileRecords: next / 2,
            lanes: [
                .init(bank: .sha1, pcr: 10, forms: .own, value: Digest(repeating: 1, count: 20)),
                .init(
                    bank: .sha384, pcr: 11, forms: [.padded, .paddedViolations], value: Digest(repeating: 2, count: 48)),
            ], keyrings: keyrings, findings: findings)
    }

    static func progress(_ appraisal: AppraisalState, resetCount: UInt32 = 7) -> Outcome.Progress {
        Outcome.Progress(
            clockInfo: ClockInfo(clock: 123_456, resetCount: resetCount, restartCount: 2, isSafe: true),
            selection: PCRSelection([.init(.sha384, PCRSet([0, 10, 11])), .init(.sha1, PCRSet([10]))]),
            appraisal: appraisal)
    }

    static func outcome(
        _ snapshot: AgentSnapshot, progress: Outcome.Progress?, tier: Tier = .affirming,
        findings: Findings = Findings(), challengedAt: Int64 = 1_800_000_000
    ) -> Outcome {
        Outcome(
            agent: snapshot.agent.id, basis: snapshot.basis, quote: quote(progress), appraisal: progress?.appraisal,
            passed: progress?.passed ?? [], tier: tier, appraisedRecords: progress?.appraisal.nextRecord ?? 0,
            excessRecords: 3, findings: findings, challengedAt: challengedAt, givenAt: challengedAt + 5)
    }

    /// The quote of a progress, or of none.
    static func quote(_ progress: Outcome.Progress? = nil) -> VerifiedQuote {
        let progress = progress ?? Self.progress(appraisal(next: 0))
        return VerifiedQuote(
            signatureHash: .sha256, clockInfo: progress.clockInfo, firmwareVersion: 1, selection: progress.selection,
            pcrValues: PCRValues())
    }
}

extension Store {
    /// Enrols an agent and commits one round of it.
    @discardableResult
    func attest(
        _ id: String, keyrings: KeyringModel = KeyringModel(), findings: Findings = Findings(), tier: Tier = .affirming,
        resetCount: UInt32 = 7, meetsQuote: Bool = true, challengedAt: Int64 = 1_800_000_000
    ) async throws -> CommitResult {
        if (try? agent(AgentID(id))) == nil { try await enrol(Samples.agent(id)) }
        let snapshot = try snapshot(of: AgentID(id))
        let next = (snapshot.state?.nextRecord ?? 0) + 10
        let appraisal = Samples.appraisal(next: next, keyrings: keyrings, findings: findings)
        return try await commit(
            Samples.outcome(
                snapshot, progress: meetsQuote ? Samples.progress(appraisal, resetCount: resetCount) : nil, tier: tier,
                findings: findings, challengedAt: challengedAt))
    }
}
