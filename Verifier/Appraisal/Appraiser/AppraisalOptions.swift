package import AssayCrypto
package import IMA
package import TPM

/// What an appraisal is told beside the policy, the state and the quote.
package struct AppraisalOptions: Sendable {
    /// Byte order and column hash of the log.
    package var format = LogFormat()
    /// How large its parts may be.
    package var limits = LogLimits.standard
    /// The PCRs that IMA is known to use: `--pcr-index`, and those that Hello names. Others that are quoted join them
    /// when a record names one.
    package var imaPCRs = PCRSet([10])
    /// Which banks are replayed where there is no quote.
    package var banks: [PCRBank] = [.sha256]
    /// Further keys for files' signatures; never for EVM signatures.
    package var keys: [VerificationKey] = []
    /// Whether a file without a valid signature fails unless it is listed, even without a policy.
    package var requiresSignatures = false
    /// Takes the place of the policy's rule for all violations.
    package var violations: PolicyAction?
    /// Whether the operator lets SHA-1 vouch for records, so that a bank padded with it is no news.
    package var allowsSHA1 = false
    /// Whether record 0 of an epoch must be a boot_aggregate, and a file be measured: so wherever a quote, or values, are to
    /// be met, and not for an excerpt that is only looked at.
    package var requiresBootAggregate = false
    /// Values of boot_aggregate that are known otherwise than from the quoted PCRs.
    package var bootAggregates: [Digest] = []
    /// SHA-256 of the SubjectPublicKeyInfos that verify nothing, whoever brought them.
    package var deniedKeys: Set<Digest> = []
    /// Signatures that verified before, shared by all appraisals of the process.
    package var verifiedSignatures: VerifiedSignatures?
    /// How much memory what the log holds may take, in bytes, for a policy to be made of it; nil collects nothing.
    package var contentsLimit: Int?
    /// When the log is received, in seconds since 1970: what a key learned now has as first seen.
    package var time: Int64 = 0

    /// A little-endian log with SHA-1 column, PCR 10, nothing required.
    package init() {}
}
