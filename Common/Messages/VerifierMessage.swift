package import AssayCrypto
package import TPM

/// What a verifier sends (`VerifierMessage` in Proto/assay.proto, which documents every field's unit and range).
package enum VerifierMessage: Hashable, Sendable {
    case challenge(Challenge)
    case shardCredit(ShardCredit)
    case attestationResult(AttestationResult)
    case status(Status)
    case certificateIssued(CertificateIssued)
    case credentialChallenge(CredentialChallenge)

    /// The message's name, for an error that must not repeat its content.
    package var kind: String {
        switch self {
        case .challenge: "Challenge"
        case .shardCredit: "ShardCredit"
        case .attestationResult: "AttestationResult"
        case .status: "Status"
        case .certificateIssued: "CertificateIssued"
        case .credentialChallenge: "CredentialChallenge"
        }
    }

    /// The round that the message belongs to; nil for one that belongs to none.
    package var round: UInt64? {
        switch self {
        case .challenge(let challenge): challenge.round
        case .shardCredit(let credit): credit.round
        case .attestationResult(let result): result.round
        case .status, .certificateIssued, .credentialChallenge: nil
        }
    }
}

/// Begins a round.
package struct Challenge: Hashable, Sendable {
    package var round: UInt64
    package var nonce: [UInt8]
    package var banks: [PCRBank]
    package var pcrs: PCRSet
    package var firstRecord: UInt64
    package var shardBytes: UInt32
    package var window: UInt32

    /// A challenge for one round.
    package init(
        round: UInt64, nonce: [UInt8], banks: [PCRBank], pcrs: PCRSet, firstRecord: UInt64, shardBytes: UInt32,
        window: UInt32
    ) {
        self.round = round
        self.nonce = nonce
        self.banks = banks
        self.pcrs = pcrs
        self.firstRecord = firstRecord
        self.shardBytes = shardBytes
        self.window = window
    }

    /// What the quote must cover.
    package var selection: PCRSelection { PCRSelection(banks: banks, pcrs: pcrs) }
}

/// Lets the agent send more shards.
package struct ShardCredit: Hashable, Sendable {
    package var round: UInt64
    package var nextRecord: UInt64
    package var window: UInt32

    /// Credit beyond the shard that ends at `nextRecord`.
    package init(round: UInt64, nextRecord: UInt64, window: UInt32) {
        self.round = round
        self.nextRecord = nextRecord
        self.window = window
    }
}

/// The verdict's tier (AR4SI).
package enum Tier: UInt8, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    case none = 0
    case affirming = 1
    case warning = 2
    case contraindicated = 3

    /// The word that operators see.
    package var description: String {
        switch self {
        case .none: "none"
        case .affirming: "affirming"
        case .warning: "warning"
        case .contraindicated: "contraindicated"
        }
    }
}

/// The verdict of one round.
package struct AttestationResult: Hashable, Sendable {
    package var round: UInt64
    package var tier: Tier
    package var nextRecord: UInt64
    package var recordsAppraised: UInt64
    package var excessRecords: UInt64
    package var findings: [ReportedFinding]
    package var findingCounts: [ReasonCount]
    package var keyrings: [ReportedKeyring]
    package var policySHA256: [UInt8]
    package var signaturesVerified: UInt64
    package var nextRoundSeconds: UInt32
    /// What the agent's identity rests on, in words.
    package var identity: String
    /// How far the boot was appraised, in words; empty from a verifier that doesn't say.
    package var boot: String

    /// A verdict.
    package init(
        round: UInt64, tier: Tier, nextRecord: UInt64, recordsAppraised: UInt64 = 0, excessRecords: UInt64 = 0,
        findings: [ReportedFinding] = [], findingCounts: [ReasonCount] = [], keyrings: [ReportedKeyring] = [],
        policySHA256: [UInt8] = [], signaturesVerified: UInt64 = 0, nextRoundSeconds: UInt32 = 0,
        identity: String = "", boot: String = ""
    ) {
        self.round = round
        self.tier = tier
        self.nextRecord = nextRecord
        self.recordsAppraised = recordsAppraised
        self.excessRecords = excessRecords
        self.findings = findings
        self.findingCounts = findingCounts
        self.keyrings = keyrings
        self.policySHA256 = policySHA256
        self.signaturesVerified = signaturesVerified
        self.nextRoundSeconds = nextRoundSeconds
        self.identity = identity
        self.boot = boot
    }
}

/// A finding as the agent is told.
package struct ReportedFinding: Hashable, Sendable {
    package var reason: String
    /// Nil for a finding about the whole log or the quote.
    package var record: UInt64?
    package var path: [UInt8]
    package var found: String
    package var expected: String
    package var remedy: String
    package var isWarning: Bool

    /// A finding.
    package init(
        reason: String, record: UInt64?, path: [UInt8], found: String, expected: String, remedy: String, isWarning: Bool
    ) {
        self.reason = reason
        self.record = record
        self.path = path
        self.found = found
        self.expected = expected
        self.remedy = remedy
        self.isWarning = isWarning
    }
}

/// How many findings have one reason.
package struct ReasonCount: Hashable, Sendable {
    package var reason: String
    package var count: UInt64

    /// A count.
    package init(reason: String, count: UInt64) {
        self.reason = reason
        self.count = count
    }
}

/// A keyring of the host as the verifier models it.
package struct ReportedKeyring: Hashable, Sendable {
    package var name: [UInt8]
    package var keys: [ReportedKey]

    /// A keyring.
    package init(name: [UInt8], keys: [ReportedKey]) {
        self.name = name
        self.keys = keys
    }
}

/// A key that was learned.
package struct ReportedKey: Hashable, Sendable {
    /// Four bytes.
    package var keyID: [UInt8]
    package var subject: [UInt8]
    package var record: UInt64

    /// A key.
    package init(keyID: [UInt8], subject: [UInt8], record: UInt64) {
        self.keyID = keyID
        self.subject = subject
        self.record = record
    }
}
