package import Appraisal
package import AssayCrypto
package import TPM
internal import Bytes
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
    /// The first snapshots in the log.
    package internal(set) var snapshots: [AppraisalOutcome.Snapshot] = []
    /// How far the boot was appraised.
    package internal(set) var boot = BootAppraisal.none
    /// Whether SHA-1 was taken where a session takes none.
    package private(set) var allowsSHA1 = false
    /// What of the evidence rests on it.
    package private(set) var ofSHA1: [String] = []
    /// What the evidence doesn't tell, or is worth less for, sentence by sentence.
    package private(set) var remarks: [String] = []
    /// The cost.
    package internal(set) var time = Time()
    /// What to tell people beside the report.
    package internal(set) var notices: [String] = []

    /// Whether something failed: the command then exits with 1, otherwise with 0.
    package var isContraindicated: Bool { tier == .contraindicated }

    /// Takes over what records came to.
    ///
    /// - Parameter before: the keyrings to stay with if the log doesn't meet the PCR, for keys are learned by a match
    ///   only; nil where there is no PCR to meet.
    mutating func take(_ outcome: AppraisalOutcome, pcr index: Int, before: KeyringModel?) {
        tier = outcome.tier
        records = outcome.recordsReceived
        matchedRecord = outcome.matchedRecord
        nextRecord = outcome.nextRecord
        findings.add(outcome.findings)
        signatures = outcome.signatures
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

    /// The report for people; what comes from the log is escaped.
    package var lines: [String] {
        var lines = ["\(tier): \(records) records"]
        if let matchedRecord {
            lines[0] += ", the PCR covers \(matchedRecord) of the epoch, the next one is \(nextRecord)"
        }
        lines.append("boot: \(boot)")
        lines += remarks
        for (bank, value) in pcr.sorted(by: { $0.key < $1.key }) { lines.append("PCR \(bank) \(value)") }
        lines += snapshots.flatMap(\.lines)
        let counts = [
            ("verified", signatures.verified), ("verified before", signatures.cached), ("bad", signatures.failed),
        ]
        let signed = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        if !signed.isEmpty { lines.append("signatures: " + signed.joined(separator: ", ")) }
        for (name, keys) in keyrings.keyrings.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            lines.append("keyring \(escaped(name)): " + keys.map(\.keyID.description).joined(separator: " "))
        }
        for finding in findings.kept {
            lines.append("\(finding.isWarning ? "warning, " : "")\(finding)")
            lines.append("    \(finding.remedy)")
        }
        for (reason, count) in findings.byReason.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("\(reason): \(count)")
        }
        return lines
    }
}

extension AppraisalOutcome.Snapshot {
    /// What it claims, and what that is worth.
    fileprivate var lines: [String] {
        ["record \(record): snapshot_aggregate claims \(aggregate)", "    \(worth)"]
    }
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
