import Appraisal
import AssayCrypto
import IMA
import TPM

/// Appraises files: a quote, a log, or both, against a policy or without one.
package struct OfflineAppraisal: Sendable {
    private static let policyLimit = 1 << 32
    private static let keyLimit = 1 << 24

    private let request: AppraisalRequest
    private let time: Int64

    /// An appraisal to be run.
    ///
    /// - Parameter time: now, in seconds since 1970: what a key learned now has as first seen.
    package init(_ request: AppraisalRequest, time: Int64) {
        self.request = request
        self.time = time
    }

    /// Runs it, and saves where it stands if that is asked for.
    ///
    /// - Throws: ``OfflineError`` for files that can't be read or written. Whatever a log, a quote or a policy holds is a
    ///   finding of the report.
    package func run() throws(OfflineError) -> AppraisalReport {
        let stopwatch = Stopwatch()
        var report = AppraisalReport()
        // Whatever can't be read is told before anything is judged.
        let lock = try request.state.map { (file) throws(OfflineError) in try StateLock(file.path) }
        defer { withExtendedLifetime(lock) {} }
        var saved = try savedAppraisal()
        let keys = try verificationKeys()
        var log = try LogStream(request.logs, threads: request.threads)
        if let policy = try policy(&report), let proof = try proof(&report) {
            beginEpoch(&saved, proof, &report)
            if !report.findings.hasFailures {
                if request.logs.isEmpty {
                    try finish(policy.policy, proof, saved, &report)
                } else {
                    try appraise(&log, policy.policy, keys, proof, saved, &report)
                }
            }
        }
        if report.findings.hasFailures { report.tier = .contraindicated }
        report.explain(reasonsForNone(report))
        if request.allowsSHA1 { report.noteSHA1() }
        report.time = stopwatch.elapsed
        return report
    }
}

// MARK: - Inputs

extension OfflineAppraisal {
    /// The policy that was loaded: none is one too.
    private struct LoadedPolicy {
        let policy: Policy?
    }

    /// What the log must replay to, and the quote that proves it.
    private struct Proof {
        var values: QuotedPCRs?
        var quote: QuoteFiles.Verified?
    }

    private func savedAppraisal() throws(OfflineError) -> SavedAppraisal {
        guard let file = request.state, var saved = try StateStorage.load(file.path) else { return SavedAppraisal() }
        // The clock stays: within one key's quotes it goes back for nobody.
        if file.startsNewEpoch { saved.appraisal = AppraisalState() }
        return saved
    }

    private func verificationKeys() throws(OfflineError) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        for path in request.keys {
            let bytes = try InputFile(path).contents(limit: Self.keyLimit)
            do throws(CryptoError) {
                keys += try VerificationKey.all(encoded: bytes)
            } catch {
                throw .file(path: path, problem: "no key or certificate that can be used: \(error)")
            }
        }
        return keys
    }

    /// Nil, with findings, if the policy doesn't load.
    private func policy(_ report: inout AppraisalReport) throws(OfflineError) -> LoadedPolicy? {
        guard let files = request.policy else {
            report.notices.append("NO POLICY: nothing is judged by one, and nothing is affirmed")
            return LoadedPolicy(policy: nil)
        }
        var signers: [PublicKey] = []
        for path in files.signers {
            let bytes = try InputFile(path).contents(limit: Self.keyLimit)
            do throws(CryptoError) {
                signers.append(try PublicKey(encoded: bytes))
            } catch {
                throw .file(path: path, problem: "no key or certificate that can be used: \(error)")
            }
        }
        let source = try InputFile(files.path).contents(limit: Self.policyLimit)
        do throws(PolicyError) {
            let policy = try Policy(source: source, signers: signers)
            report.notices += policy.warnings.map { "policy: \($0)" }
            return LoadedPolicy(policy: policy)
        } catch {
            for fault in error.faults { report.findings.add(Finding(.badPolicy, found: "\(fault)")) }
            return nil
        }
    }

    /// Nil, with a finding, if the quote doesn't hold.
    private func proof(_ report: inout AppraisalReport) throws(OfflineError) -> Proof? {
        switch request.target {
        case .none: return Proof()
        case .values(let values): return Proof(values: QuotedPCRs(values))
        case .quote(let files):
            switch try files.verified() {
            case .success(let verified):
                report.quotedPCRs = verified.quote.pcrValues
                report.note(verified)
                return Proof(values: QuotedPCRs(verified.quote), quote: verified)
            case .failure(let error):
                report.findings.add(Finding(ofFiles: error))
                return nil
            }
        }
    }

    /// Compares the quote's clock with the one before, and drops what belongs to an epoch that is over.
    private func beginEpoch(_ saved: inout SavedAppraisal, _ proof: Proof, _ report: inout AppraisalReport) {
        defer {
            report.nextRecord = saved.appraisal.nextRecord
            report.keyrings = saved.appraisal.keyrings
        }
        guard let quote = proof.quote else { return }
        do throws(QuoteError) {
            guard let reason = try saved.newEpoch(by: quote) else { return }
            if saved.appraisal.nextRecord > 0 { report.notices.append("from record 0: \(reason)") }
            saved = SavedAppraisal()
        } catch {
            report.findings.add(Finding(error))
        }
    }
}

// MARK: - Judging

extension OfflineAppraisal {
    /// A quote without a log: nothing is replayed, and what was found in the epoch stays.
    private func finish(
        _ policy: Policy?, _ proof: Proof, _ saved: SavedAppraisal, _ report: inout AppraisalReport
    ) throws(OfflineError) {
        report.findings.add(saved.appraisal.findings)
        if let policy, let values = proof.values {
            report.findings.add(policy.findings(for: values))
            report.boot = BootAppraisal(by: policy)
        }
        try save(saved, proof)
    }

    /// What keeps the evidence from a verdict, and what to do; nothing if there is one, or it was refused.
    private func reasonsForNone(_ report: AppraisalReport) -> [String] {
        guard report.tier == .none, !report.isRefused else { return [] }
        guard !request.logs.isEmpty else {
            return ["the quote holds, but no log was given whose records could be judged: --log"]
        }
        var reasons: [String] = []
        if case .none = request.target {
            reasons.append(
                "nothing vouches for the log: give the quote that covers it (--quote, --signature, --ak, --nonce, "
                    + "--pcr-values), or the value that IMA's PCR had (--pcr BANK:HEX)")
        }
        if request.policy == nil { reasons.append("no policy says what may have been measured: --policy") }
        return reasons
    }

    private func appraise(
        _ log: inout LogStream, _ policy: Policy?, _ keys: [VerificationKey], _ proof: Proof,
        _ earlier: SavedAppraisal, _ report: inout AppraisalReport
    ) throws(OfflineError) {
        var saved = earlier
        if !saved.isJudged(by: policy?.contentHash, requiresSignatures: request.requiresSignatures) {
            report.notices.append("from record 0: the records before were judged by another policy")
            saved.appraisal = AppraisalState()
        }
        var options = AppraisalOptions()
        options.format = log.format
        options.imaPCRs = PCRSet([request.pcrIndex])
        if saved.appraisal.nextRecord > 0 { options.imaPCRs.formUnion(saved.imaPCRs) }
        options.banks = PCRBank.allCases
        options.keys = keys
        options.requiresSignatures = request.requiresSignatures
        options.violations = request.violations
        // One evidence, one verdict: what must be met is a whole log's end, as in a session. An excerpt meets nothing.
        options.requiresBootAggregate = proof.values != nil
        options.bootAggregates = request.bootAggregates
        options.allowsSHA1 = request.allowsSHA1
        options.verifiedSignatures = VerifiedSignatures()
        options.time = time
        var appraiser = Appraiser(policy: policy, options: options, state: saved.appraisal, quote: proof.values)
        let unread = try log.feed(&appraiser)
        let outcome = appraiser.finish(unread: unread)
        if proof.values != nil { report.boot = BootAppraisal(by: policy) }
        report.take(outcome, pcr: request.pcrIndex, before: proof.values == nil ? nil : saved.appraisal.keyrings)
        if report.matchedRecord == 0, outcome.recordsReceived > 0 {
            report.explain([
                "the PCR's value is from before the first record: IMA had extended nothing then; give the one from after "
                    + "the log's last record"
            ])
        }
        if proof.values?.restsOnSHA1Alone == true {
            if request.allowsSHA1 { report.noteBank() } else { report.refuseBank() }
        }
        guard let state = outcome.newState else { return }
        saved.appraisal = state
        saved.imaPCRs = PCRSet(state.lanes.map { Int($0.pcr) } + [request.pcrIndex])
        saved.policyHash = policy?.contentHash
        saved.requiresSignatures = request.requiresSignatures
        try save(saved, proof)
    }

    private func save(_ appraisal: SavedAppraisal, _ proof: Proof) throws(OfflineError) {
        guard let file = request.state else { return }
        var saved = appraisal
        if let quote = proof.quote {
            saved.clock = quote.quote.clockInfo
            saved.attestationKey = quote.attestationKey
        }
        try StateStorage.save(saved, to: file.path)
    }
}

extension Finding {
    /// A fault of a quote in files: no agent sent them, and the release that it has is not the cause.
    fileprivate init(ofFiles error: QuoteError) {
        self.init(error)
        switch error.code {
        case .malformed: remedy = QuoteFiles.forms
        case .badAttestationKey where error.detail.contains("SHA-1"):
            remedy += " Old evidence may rest on SHA-1 if --allow-sha1 says so."
        default: break
        }
    }
}
