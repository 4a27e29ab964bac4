package import IMA

/// Where the appraisal of one boot epoch's log stands: all that the next round needs, and all that is stored of it.
///
/// Valid for the epoch, banks and PCRs that it was made with; any other begins at ``init()``.
package struct AppraisalState: Sendable, Equatable {
    /// How many records of the epoch are appraised: the next one's number.
    package var nextRecord: UInt64
    /// How many records the verifier has ever received: the next quote must cover them.
    package var recordsReceived: UInt64
    /// How many of those appraised were files', without boot_aggregate.
    package var fileRecords: UInt64
    /// PCR values after record `nextRecord - 1`, with the forms in which the kernel extends each bank.
    package var lanes: [PCRReplay.Lane]
    /// The keys learned so far.
    package var keyrings: KeyringModel
    /// What records of the epoch did wrong: a later round doesn't forget it.
    package var findings: Findings
    /// Bytes of the records appraised: how much of the epoch's log lies behind `nextRecord`.
    package var logBytes: UInt64

    /// The beginning of an epoch: record 0, nothing learned, nothing found.
    package init() {
        self.init(
            nextRecord: 0, recordsReceived: 0, fileRecords: 0, lanes: [], keyrings: KeyringModel(), findings: Findings()
        )
    }

    /// A state as it was stored.
    package init(
        nextRecord: UInt64, recordsReceived: UInt64, fileRecords: UInt64, lanes: [PCRReplay.Lane],
        keyrings: KeyringModel, findings: Findings, logBytes: UInt64 = 0
    ) {
        self.nextRecord = nextRecord
        self.recordsReceived = recordsReceived
        self.fileRecords = fileRecords
        self.lanes = lanes
        self.keyrings = keyrings
        self.findings = findings
        self.logBytes = logBytes
    }
}
