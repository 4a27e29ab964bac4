import Appraisal
import AssayCrypto
import Messages
import TPM

/// What one round asks for, decided from what the store holds. Hello only helps to guess: the signed quote decides
/// whether the guess was right.
struct RoundPlan: Sendable {
    /// What every agent must be able to send, in bytes.
    static let leastShardBytes: UInt32 = 1 << 16

    let basis: RoundBasis
    let selection: PCRSelection
    /// The PCRs that records lead to.
    let measuredPCRs: PCRSet
    /// Where this round begins: the last commit's state, or nothing yet.
    let state: AppraisalState
    let shardBytes: UInt32
    let window: UInt32
    /// Whether the round begins at record 0 with nothing learned, whatever the store holds.
    let startsOver: Bool

    /// Plans a round.
    ///
    /// - Parameter fromRecordZero: an earlier try showed that the stored position is of no use.
    /// - Throws: the status to refuse with, if no bank of the host may be quoted.
    init(_ hello: Hello, _ basis: RoundBasis, _ settings: SessionSettings, fromRecordZero: Bool) throws(Status) {
        let usable = settings.banks.filter(hello.banks.contains)
        let stored = basis.attestation
        guard let bank = stored?.selection.banks.first?.bank.within(usable) ?? usable.first else {
            let allowed = settings.banks.map(\.description).joined(separator: ", ")
            let held = hello.banks.map(\.description).joined(separator: ", ")
            throw Status(
                .failedPrecondition,
                "the TPM's active banks (\(held)) have none that this verifier allows (\(allowed)); activate one "
                    + "with tpm2_pcrallocate, or change attestation.banks")
        }
        // Beside the PCRs that IMA extends: those that boot_aggregate is made of.
        let measured = PCRSet(hello.pcrs.indices.filter { (10...15).contains($0) } + [10])
        selection = PCRSelection([.init(bank, PCRSet(0...9).union(measured))])
        measuredPCRs = measured
        self.basis = basis
        shardBytes = settings.shardBytes
        window = settings.window
        guard let stored, !fromRecordZero, stored.selection == selection,
            stored.clock.resetCount == hello.resetCount, basis.mayResume
        else {
            startsOver = true
            state = AppraisalState()
            return
        }
        startsOver = false
        state = stored.state
    }

    var firstRecord: UInt64 { state.nextRecord }
}

extension PCRBank {
    /// The bank, if it is one of these.
    fileprivate func within(_ banks: [PCRBank]) -> PCRBank? {
        banks.contains(self) ? self : nil
    }
}
