import AssayCrypto
import Bytes
import IMA
import TPM
import TestSupport

@testable import Appraisal

extension Case.PCR {
    var quote: QuotedPCRs? {
        guard let bank = PCRBank(name: bank), let bytes = [UInt8](hexadecimal: value), let digest = Digest(bytes)
        else { return nil }
        return QuotedPCRs(bank, index, digest)
    }
}

extension Case {
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
