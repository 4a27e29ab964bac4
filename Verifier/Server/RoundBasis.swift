package import Appraisal
package import AssayCrypto
package import Store
package import TPM

/// What the store holds that a round is built on, as of one moment.
package struct RoundBasis: Sendable {
    /// Where the last committed round left off.
    package struct Attestation: Sendable {
        /// The TPM's counters in that round's quote.
        package let clock: ClockInfo
        /// What that quote covered.
        package let selection: PCRSelection
        /// Position, PCR values, keyrings and findings.
        package let state: AppraisalState

        /// A committed round.
        package init(clock: ClockInfo, selection: PCRSelection, state: AppraisalState) {
            self.clock = clock
            self.selection = selection
            self.state = state
        }
    }

    /// The enrolled key, its attributes checked.
    package let attestationKey: AttestationKey
    /// The assigned policy; nil for none, which never affirms.
    package let policy: Policy?
    /// SHA-256 of the SubjectPublicKeyInfos that verify nothing.
    package let deniedKeys: Set<Digest>
    /// Nil before the first commit; also one under a key that was replaced since, whose clock must not go back.
    package let attestation: Attestation?
    /// Whether what judged the records so far still judges: under another policy, or with other keys denied, all of
    /// them are judged again.
    package let mayResume: Bool
    /// Where an operator wants the round to begin, if that isn't record 0.
    package var position: Attestation?
    /// Counts what the store has committed and been told: what else a scratch rests on.
    package let numbers: Numbers
    /// What is kept of a log on its way; whether it can be gone on from is the plan's to say.
    package let scratch: Scratch?

    /// What counts up when something that a round rests on changes.
    package struct Numbers: Hashable, Sendable {
        /// The agent's last verdict; 0 before the first.
        package var verdict: UInt64 = 0
        /// The verdict that its position was committed with; 0 without one.
        package var state: UInt64 = 0
        /// The deny generation.
        package var denials: UInt64 = 0
        /// The request to go back that the round answers; 0 for none.
        package var reattestation: UInt64 = 0

        /// Of an agent that nothing is known of.
        package init() {}
    }
    /// A policy to be tried on the log beside `policy`; it decides nothing. Nil for none.
    package var trial: TriedPolicy?
    /// What an operator wants to be told of the log; the round begins at record 0 then. Nil for nothing.
    package var learning: LearningRequest?

    /// A basis.
    package init(
        attestationKey: AttestationKey, policy: Policy?, deniedKeys: Set<Digest> = [], attestation: Attestation?,
        mayResume: Bool, numbers: Numbers = Numbers(), scratch: Scratch? = nil
    ) {
        self.attestationKey = attestationKey
        self.policy = policy
        self.deniedKeys = deniedKeys
        self.attestation = attestation
        self.mayResume = mayResume
        self.numbers = numbers
        self.scratch = scratch
    }
}
