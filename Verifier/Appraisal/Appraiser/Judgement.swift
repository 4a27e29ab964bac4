internal import IMA

/// What records have come to so far: all that a match commits. A copy of it is cheap, and is how a match is kept while
/// records behind it are looked at.
struct Judgement: Sendable {
    /// How many records of the epoch are in here.
    var records: UInt64
    /// Their bytes.
    var bytes: UInt64
    /// The PCRs after them.
    var replay: PCRReplay
    /// Every key that they brought since the epoch or the last kexec began.
    var keyrings: KeyringModel
    /// Those that may vouch for files, with the policy's own and the operator's.
    var signingKeys: SigningKeys
    /// Those that may vouch for files' metadata, with the policy's own.
    var metadataKeys: SigningKeys
    /// The keys that this round brought.
    var learned: [AppraisalOutcome.Learned] = []
    /// What they did wrong, in this round and before.
    var findings: Findings
    /// Signatures looked at in this round.
    var signatures = AppraisalOutcome.SignatureCounts()
    /// The first bad ones of this round.
    var badSignatures: [AppraisalOutcome.BadSignature] = []
    /// Records that wait for their signatures. A match isn't one before they are settled.
    var pending = SignatureBatch()
    /// Those before them whose signatures are being verified.
    var taken: SignatureBatch?
    /// Violations in this round.
    var violations: UInt64 = 0
    /// Files' records of the epoch, without boot_aggregate.
    var fileRecords: UInt64
    /// The first snapshots of this round.
    var snapshots: [AppraisalOutcome.Snapshot] = []
    /// What this round's records tell of kexecs.
    var kexec: KexecTrace
    /// What this round's records hold that a policy can allow; nil if nobody asks.
    var contents: LogContents?

    /// Whether every signature is known to be good or bad.
    var isSettled: Bool { taken == nil && pending.isEmpty }

    /// The state to go on from.
    func state(lanes: [PCRReplay.Lane], recordsReceived: UInt64) -> AppraisalState {
        AppraisalState(
            nextRecord: records, recordsReceived: recordsReceived, fileRecords: fileRecords, lanes: lanes,
            keyrings: keyrings, findings: findings, logBytes: bytes)
    }
}
