import AssayCrypto
import Bytes
import Foundation
import IMA
import TPM
import TestSupport

@testable import Appraisal

/// A case of Tests/Fixtures/appraisal: its case.json, read as far as an appraisal is concerned.
struct Case: Sendable {
    struct PCR: Decodable, Sendable {
        let index: Int
        let bank: String
        let value: String

        var quote: QuotedPCRs? {
            guard let bank = PCRBank(name: bank), let bytes = [UInt8](hexadecimal: value), let digest = Digest(bytes)
            else { return nil }
            return QuotedPCRs(bank, index, digest)
        }
    }

    struct Expected: Decodable, Sendable {
        let verdict: String?
        let reasons: [String]?
        let learned_keyrings: [String: [String]]?
        let next_entry: UInt64?
    }

    struct Inputs: Decodable, Sendable {
        let log_ascii: String?
        let log_binary: String?
        let policy: String?
        let pcr: PCR?
        let violations: String?
        let verification_keys: [String]?
        let boot_aggregates: [String: [String]]?
        let bank: String?
        let envelope: String?
        let key: String?
        let keyring_json: String?
        let line: String?
    }

    struct Round: Decodable, Sendable {
        let start_entry: UInt64
        let lines: [Int]
        let pcr: PCR
        let expected: Expected
        let log_ascii: String?
        let log_binary: String?
        let agent_restarted_from_entry_0: Bool?
    }

    private struct File: Decodable {
        let topic: String
        let inputs: Inputs
        let expected: Expected?
        let rounds: [Round]?
    }

    let folder: String
    let topic: String
    let inputs: Inputs
    let expected: Expected?
    let rounds: [Round]

    init(_ folder: String) throws {
        let file = try JSONDecoder().decode(
            File.self, from: Data(try Fixtures.bytes("appraisal/\(folder)/case.json")))
        self.folder = folder
        topic = file.topic
        inputs = file.inputs
        expected = file.expected
        rounds = file.rounds ?? []
    }

    /// Every case of a kind. A folder that can't be read is a case that fails.
    static func all(_ kind: String) -> [String] {
        ((try? Fixtures.folders(in: "appraisal/\(kind)")) ?? []).map { "\(kind)/\($0)" }
    }

    func bytes(_ name: String) throws -> [UInt8] {
        try Fixtures.bytes("appraisal/\(folder)/\(name)")
    }

    /// The policy; nil if the case has none. A policy that doesn't load is an error.
    func policy() throws -> Policy? {
        try inputs.policy.map { try Policy(json: bytes($0)) }
    }

    /// What the case's inputs ask for.
    func options(format: LogFormat) throws -> AppraisalOptions {
        var options = AppraisalOptions()
        options.format = format
        options.violations = inputs.violations.flatMap { PolicyAction(word: $0.utf8) }
        if let keys = inputs.verification_keys {
            options.keys = try keys.map { try VerificationKey(encoded: bytes($0)) }
            options.requiresSignatures = inputs.policy == nil
        }
        for values in inputs.boot_aggregates?.values ?? [:].values {
            options.bootAggregates += values.compactMap { [UInt8](hexadecimal: $0).flatMap { Digest($0) } }
        }
        return options
    }
}

/// Appraises a whole log in pieces of some size, as it arrives.
func appraise(
    _ log: [UInt8], policy: Policy?, options: AppraisalOptions = AppraisalOptions(),
    state: AppraisalState = AppraisalState(), quote: QuotedPCRs?, piece: Int = .max
) -> AppraisalOutcome {
    var appraiser = Appraiser(policy: policy, options: options, state: state, quote: quote)
    var read = 0
    var end = 0
    while end < log.count {
        end += min(piece, log.count - end)
        read += appraiser.appraise(log.span.extracting(read..<end))
    }
    return appraiser.finish(unread: log.count - read)
}

extension KeyringModel {
    /// Name → ids, as the cases state them.
    var idsByName: [String: [String]] {
        keyrings.reduce(into: [:]) { result, ring in
            result[escaped(ring.key)] = ring.value.map(\.keyID.description)
        }
    }
}

extension AppraisalOutcome {
    /// Nothing failed; what the cases call `pass`.
    var passes: Bool { !findings.hasFailures }

    /// The reasons of all failures.
    var reasons: Set<String> { Set(findings.failures.keys.map(\.rawValue)) }
}
