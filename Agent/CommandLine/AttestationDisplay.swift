import Attester
import Bytes
import Messages
import Terminal

/// Shows an attestation on a terminal: each round of shards under a bar, the keys learned, the verdict.
struct AttestationDisplay: Sendable {
    let showsProgress: Bool

    func show(_ event: Attester.Event) {
        switch event {
        case .challenged(let first): Output.line("challenged: records from \(readableCount(first)) on")
        case .progress(let progress, let rate): show(progress, rate)
        case .verdict(let result): show(result)
        case .renewal(.success(let issued)):
            if !issued.certificates.isEmpty { Output.line("the agent's certificate was renewed") }
        case .renewal(.failure(let failure)):
            Output.notice("the agent's certificate was not renewed: \(escaped(text: failure.description))")
        case .notice(let notice): Output.notice("notice: \(notice)")
        }
    }

    private func show(_ progress: AttesterSession.Progress, _ rate: TransferRate) {
        guard showsProgress else { return }
        let remaining = progress.recordsTotal - progress.recordsSent
        let remainingBytes = progress.bytesTotal - min(progress.bytesSent, progress.bytesTotal)
        Output.transient("")
        Output.paragraph(
            "  ",
            "round: \(records(UInt64(progress.shardRecords))), "
                + "\(readableSize(UInt64(progress.shardBytes))) sent, "
                + "more_data_pending=\(progress.moreDataPending), "
                + "\(records(remaining)) (\(readableSize(remainingBytes))) remain")
        let words = rate.words.isEmpty ? "" : "  " + rate.words
        let bar = ProgressBar(beside: words.count + 2)
        Output.transient("  " + bar.line(done: progress.bytesSent, total: progress.bytesTotal) + words)
        if !progress.moreDataPending { Output.transient("") }
    }

    private func show(_ result: AttestationResult) {
        showLearned(in: result)
        let counts = result.findingCounts.map { "\($0.reason) \($0.count)" }.joined(separator: ", ")
        Output.paragraph(
            "verdict: ",
            "\(result.tier), \(records(result.recordsAppraised)) appraised, "
                + "\(readableCount(result.signaturesVerified)) signatures verified, "
                + "next record \(readableCount(result.nextRecord))" + (counts.isEmpty ? "" : ", " + counts))
        if !result.identity.isEmpty { Output.paragraph("identity: ", result.identity) }
        if !result.boot.isEmpty { Output.paragraph("boot: ", result.boot) }
        for finding in result.findings.prefix(10) { show(finding) }
    }

    /// The keys that this round's records brought.
    private func showLearned(in result: AttestationResult) {
        let first = result.nextRecord - min(result.recordsAppraised, result.nextRecord)
        let learned = result.keyrings.map { keyring in
            ReportedKeyring(name: keyring.name, keys: keyring.keys.filter { $0.record >= first })
        }.filter { !$0.keys.isEmpty }
        guard !learned.isEmpty else { return }
        Output.line("keys learned:")
        for keyring in learned {
            let keys = keyring.keys.map { key in
                let subject = escaped(text: String(decoding: key.subject, as: UTF8.self))
                return key.keyID.hexadecimal + (subject.isEmpty ? "" : " (\(subject))")
            }
            Output.paragraph("  ", "\(escaped(keyring.name)): " + keys.joined(separator: ", "))
        }
    }

    private func records(_ count: UInt64) -> String {
        readableCount(count) + (count == 1 ? " record" : " records")
    }

    private func show(_ finding: ReportedFinding) {
        let place = finding.record.map { "record \(readableCount($0)): " } ?? ""
        let word = finding.isWarning ? "warning: " : ""
        Output.line("  \(word)\(place)\(finding.reason) \(escaped(finding.path))")
        if !finding.found.isEmpty { Output.paragraph("    found: ", finding.found) }
        if !finding.expected.isEmpty { Output.paragraph("    expected: ", finding.expected) }
        Output.paragraph("    remedy: ", finding.remedy)
    }
}

extension TransferRate {
    /// `66,210 records/s, 11.3 MiB/s, 81 s left`; empty before there is a rate.
    var words: String {
        guard let records = UInt64(exactly: recordsPerSecond.rounded()),
            let bytes = UInt64(exactly: bytesPerSecond.rounded()), bytes > 0
        else { return "" }
        let left = secondsLeft.flatMap { Int64(exactly: $0.rounded(.up)) }.map { ", \(readableAge($0)) left" } ?? ""
        return "\(readableCount(records)) records/s, \(readableSize(bytes))/s" + left
    }
}
