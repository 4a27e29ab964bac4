package import Appraisal
package import AssayCrypto
package import TPM

/// What a session came to, to be committed as one: state, keyrings and verdict, or nothing.
package struct Outcome: Sendable {
    /// What the session read before it began, and what must still hold when it commits.
    package struct Basis: Hashable, Sendable {
        /// The enrolled attestation key's name.
        package var attestationKeyName: [UInt8]
        /// SHA-256 of the policy's source; nil if none was assigned.
        package var policyHash: Digest?
        /// The deny generation.
        package var denyGeneration: UInt64
        /// The number of the agent's last verdict; 0 before the first.
        package var verdictNumber: UInt64
        /// The number of the verdict that the state was committed with; 0 without a state.
        package var stateNumber: UInt64
        /// The keyrings of that state.
        package var keyrings: KeyringModel
        /// The number of the request to go back that the session answers; 0 for none.
        package var reattestation: UInt64 = 0
    }

    /// How far a round got whose replay met the quote, which has signed its clock and its selection.
    package struct Progress: Sendable {
        /// The clock of the verified quote.
        package var clockInfo: ClockInfo
        /// What the quote covered.
        package var selection: PCRSelection
        /// The appraisal's new state. Its keyrings take the place of the stored ones, so a new epoch's discard them.
        package var appraisal: AppraisalState
        /// Where the round has been on its way, ascending: what an appraisal can go back to.
        package var passed: [AppraisalState]

        /// The progress of a round.
        init(
            clockInfo: ClockInfo, selection: PCRSelection, appraisal: AppraisalState, passed: [AppraisalState] = []
        ) {
            self.clockInfo = clockInfo
            self.selection = selection
            self.appraisal = appraisal
            self.passed = passed
        }
    }

    /// Whose it is.
    package let agent: AgentID
    /// What it rests on.
    package let basis: Basis
    /// What to keep for the next round; nil if the quote was not met: then position and keyrings stay where they are.
    package let progress: Progress?
    /// The verdict; its policy hash is the basis's.
    package let verdict: Verdict
    /// The verdict's findings in full.
    package let findings: Findings

    /// The outcome of a session.
    ///
    /// - Parameters:
    ///   - quote: what it rests on, verified: without one there is no outcome.
    ///   - appraisal: the appraisal's new state; nil if the replay didn't meet the quote.
    ///   - passed: where the round has been on its way, ascending.
    ///   - challengedAt: when the Challenge was sent that was answered, in seconds since 1970; freshness counts from it.
    ///   - givenAt: now, in seconds since 1970.
    package init(
        agent: AgentID, basis: Basis, quote: VerifiedQuote, appraisal: AppraisalState?, passed: [AppraisalState] = [],
        tier: Tier, appraisedRecords: UInt64, excessRecords: UInt64, findings: Findings, challengedAt: Int64,
        givenAt: Int64
    ) {
        self.agent = agent
        self.basis = basis
        progress = appraisal.map {
            Progress(clockInfo: quote.clockInfo, selection: quote.selection, appraisal: $0, passed: passed)
        }
        self.findings = findings
        verdict = Verdict(
            tier: tier, challengedAt: challengedAt, givenAt: givenAt, policyHash: basis.policyHash,
            appraisedRecords: appraisedRecords, excessRecords: excessRecords, failures: findings.failures,
            warnings: findings.warnings)
    }
}

/// What became of a commit.
package enum CommitResult: Hashable, Sendable {
    /// Durable, under this verdict number.
    case committed(verdict: UInt64)
    /// What the session rests on has changed: nothing was committed, and the agent is to be challenged again.
    case conflict(Conflict)

    /// What changed between a session's beginning and its end.
    package enum Conflict: Hashable, Sendable {
        /// The agent was removed.
        case notEnrolled
        /// The agent was revoked.
        case revoked
        /// The agent was enrolled again, with another attestation key.
        case attestationKeyChanged
        /// Another policy is assigned, or its name stands for another one.
        case policyChanged
        /// A key was denied, or allowed again.
        case deniedKeysChanged
        /// Another session of the agent has committed, or its state was discarded.
        case stateChanged
        /// An operator has asked for the log to be appraised again.
        case reattestationRequested
    }
}
