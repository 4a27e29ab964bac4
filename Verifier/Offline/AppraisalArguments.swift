/// What `assay-verifier appraise` was told, word by word: nothing of it is checked.
package struct AppraisalArguments: Sendable {
    /// Logs or shards in order; `-` is standard input.
    package var logs: [String] = []
    /// The policy, and PEM files of keys one of which must have signed it.
    package var policy: String?
    package var policyKeys: [String] = []
    /// Further keys and certificates for files' signatures.
    package var keys: [String] = []
    /// A file without a valid signature fails unless it is listed.
    package var requiresSignatures = false
    /// `BANK:HEX`: what the log must replay to.
    package var pcrs: [String] = []
    /// IMA's PCR.
    package var pcrIndex = 10
    /// `BANK:HEX`: known values of boot_aggregate.
    package var bootAggregates: [String] = []
    /// TPMS_ATTEST, TPMT_SIGNATURE, the attestation key, the qualifying data, the PCR file, and the one bank demanded.
    package var quote: String?
    package var signature: String?
    package var attestationKey: String?
    package var nonce: String?
    package var pcrValues: String?
    package var bank: String?
    /// Whether SHA-1 is taken as the hash of the quote's signature, of the key's scheme and of its name.
    package var allowsSHA1 = false
    /// Takes the place of the policy's rule: `ignore`, `warn` or `fail`.
    package var violations: String?
    /// Where an incremental appraisal is kept, and whether it starts over.
    package var state: String?
    package var startsNewEpoch = false
    /// How many threads verify signatures; nil for as many as there are cores.
    package var threads: Int?

    /// No options.
    package init() {}
}
