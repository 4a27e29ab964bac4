package import Appraisal
package import AssayCrypto
package import TPM
internal import IMA

/// What an appraisal of files came to.
package struct AppraisalReport: Sendable {
    /// What it cost, in seconds.
    package struct Time: Sendable {
        /// Of all of the process's threads.
        package var cpu = 0.0
        /// By the clock on the wall.
        package var wall = 0.0
    }

    /// The verdict.
    package internal(set) var tier = Tier.none
    /// Records that this run received.
    package internal(set) var records: UInt64 = 0
    /// How many records of the epoch the PCR covers; nil without a match, a quote or a PCR.
    package internal(set) var matchedRecord: UInt64?
    /// How many records came behind those that the PCR covers: they aren't judged.
    package internal(set) var excess: UInt64 = 0
    /// The epoch's record with which the next run begins.
    package internal(set) var nextRecord: UInt64 = 0
    /// IMA's PCR after the last record that was replayed.
    package internal(set) var pcr: [PCRBank: Digest] = [:]
    /// What a quote proved.
    package internal(set) var quotedPCRs = PCRValues()
    /// What was found, with what earlier runs of the epoch found.
    package internal(set) var findings = Findings()
    /// The keys that are known now.
    package internal(set) var keyrings = KeyringModel()
    /// What became of files' signatures.
    package internal(set) var signatures = AppraisalOutcome.SignatureCounts()
    /// The first bad ones.
    package internal(set) var badSignatures: [AppraisalOutcome.BadSignature] = []
    /// The first snapshots in the log.
    package internal(set) var snapshots: [AppraisalOutcome.Snapshot] = []
    /// How far the boot was appraised.
    package internal(set) var boot = BootAppraisal.none
    /// Whether a session takes no such evidence: then there is no verdict, whatever the records are worth.
    package private(set) var isRefused = false
    /// Whether SHA-1 was taken where a session takes none.
    package private(set) var allowsSHA1 = false
    /// What of the evidence rests on it.
    package private(set) var ofSHA1: [String] = []
    /// Why there is no verdict, or one that covers nothing, and what would bring another, sentence by sentence.
    package private(set) var explanations: [String] = []
    /// What the evidence doesn't tell, or is worth less for, sentence by sentence.
    package private(set) var remarks: [String] = []
    /// The cost.
    package internal(set) var time = Time()
    /// What to tell people beside the report.
    package internal(set) var notices: [String] = []

    /// Whether something failed: the command then exits with 1.
    package var isContraindicated: Bool { tier == .contraindicated }

    /// Takes over what records came to.
    ///
    /// - Parameter before: the keyrings to stay with if the log doesn't meet the PCR, for keys are learned by a match
    ///   only; nil where there is no PCR to meet.
    mutating func take(_ outcome: AppraisalOutcome, pcr index: Int, before: KeyringModel?) {
        tier = outcome.tier
        records = outcome.recordsReceived
        matchedRecord = outcome.matchedRecord
        excess = outcome.excess
        nextRecord = outcome.nextRecord
        findings.add(outcome.findings)
        signatures = outcome.signatures
        badSignatures = outcome.badSignatures
        snapshots = outcome.snapshots
        ofSHA1 += outcome.paddedBanks.map { "the match in bank \($0), padded" }
        keyrings = outcome.newState?.keyrings ?? before ?? outcome.keyrings
        for lane in outcome.newState?.lanes ?? outcome.lanes where lane.pcr == index {
            // Of several forms that are still possible the kernel's own is the likeliest.
            if pcr[lane.bank] == nil || lane.forms.contains(.own) { pcr[lane.bank] = lane.value }
        }
    }

    /// Takes down what a quote that holds is worth less for.
    mutating func note(_ quote: QuoteFiles.Verified) {
        ofSHA1 += quote.ofSHA1
        if quote.isBareKey {
            remarks.append(
                "a PEM or DER doesn't tell whether the key is a TPM's restricted key: its TPM2B_PUBLIC does "
                    + "(tpm2_readpublic -f tss)")
        }
    }

    /// Says that SHA-1 was allowed, and what rests on it.
    mutating func noteSHA1() {
        allowsSHA1 = true
        remarks.append(
            "SHA-1 is allowed (--allow-sha1), and "
                + (ofSHA1.isEmpty ? "nothing that was proved rests on it" : "this rests on it: ")
                + ofSHA1.joined(separator: ", "))
    }

    /// Takes the verdict back: a session gives none on values of the SHA-1 bank alone, and judges nothing by them.
    mutating func refuseBank() {
        isRefused = true
        if tier != .contraindicated { tier = .none }
        explain([
            "the PCR values are of the SHA-1 bank alone, which no verifier takes unless its attestation.banks has it: give "
                + "values of another bank, or --allow-sha1 for old evidence"
        ])
    }

    /// Takes down that the values rest on SHA-1, which was allowed.
    mutating func noteBank() { ofSHA1.append("the only bank that the PCR values are of") }

    /// Says why the verdict is what it is, where the findings don't.
    mutating func explain(_ reasons: [String]) { explanations += reasons }
}

extension AppraisalOutcome.Snapshot.Worth: CustomStringConvertible {
    package var description: String {
        switch self {
        case .borneOut: "the records before it lead to these values"
        case .contradicted(let claimed, let replayed):
            "false: \(claimed) is claimed, the records before it lead to \(replayed)"
        case .unsupported: "the host's own word: no record before it is here to lead to these values"
        }
    }
}
