import AssayCrypto
import Bytes
import IMA
import TestSupport
import Testing

@testable import Appraisal

@Suite("Signatures in batches")
struct SignatureBatchTests {
    private let signed: Signed
    private let policy: Policy

    init() throws {
        signed = try Signed()
        policy = try Policy(json: source(digests: listed(["/a": "a"]), keyrings: signed.listed(on: ".ima")))
    }

    /// A log that learns the key, and then has so many files that it signed.
    private func log(signatures count: Int, bad: Set<Int> = []) -> LogBuilder {
        var log = LogBuilder()
        log.bootAggregate()
        log.buffer(".ima", signed.certificate)
        for index in 0..<count {
            let digest = bad.contains(index) ? LogBuilder.digest("\(index)") : signed.digest
            log.signed("/s\(index)", digest, signed.signature)
        }
        return log
    }

    /// Appraises with each batch settled by what a function makes of it.
    private func appraise(
        _ log: LogBuilder, _ settle: (SignatureBatch) -> SignatureResults
    ) -> (outcome: AppraisalOutcome, batches: [Int]) {
        var appraiser = Appraiser(policy: policy, quote: log.quote())
        var batches: [Int] = []
        var read = 0
        repeat {
            if appraiser.isWaiting, let batch = appraiser.pendingSignatures {
                batches.append(batch.count)
                appraiser.settle(settle(batch))
            }
            read += appraiser.advance(log.bytes.span.extracting(droppingFirst: read))
        } while appraiser.isWaiting
        return (appraiser.finish(unread: log.bytes.count - read), batches)
    }

    @Test("A log comes to the same, whoever verifies its signatures, in whatever parts and order")
    func same() {
        let log = log(signatures: 40, bad: [0, 7, 39])
        let inline = Tests.appraise(log, policy)
        let parts = appraise(log) { batch in
            var first = SignatureResults(count: batch.count)
            var second = first
            batch.verify(20..<1000, &second)
            batch.verify(-5..<20, &first)
            second.merge(first)
            return second
        }
        #expect(parts.batches == [40])
        #expect(parts.outcome.findings == inline.findings && parts.outcome.signatures == inline.signatures)
        #expect(parts.outcome.signatures.verified == 37 && parts.outcome.signatures.failed == 3)
        #expect(parts.outcome.newState == inline.newState && parts.outcome.matchedRecord == 42)
    }

    @Test("What nobody verified is verified when it is settled, and never passes for that")
    func open() {
        let log = log(signatures: 3, bad: [1])
        for count in [0, 2, 3, 9] {
            let outcome = appraise(log) { _ in SignatureResults(count: count) }.outcome
            #expect(outcome.tier == .contraindicated && outcome.reasons == ["not_in_policy", "bad_signature"])
            #expect(outcome.signatures.verified == 2 && outcome.signatures.failed == 1)
        }
    }

    @Test("Findings stand in the log's order, though signatures are known last")
    func order() {
        var log = log(signatures: 2, bad: [0])
        log.file("/unlisted", "a")
        log.signed("/s", LogBuilder.digest("x"), signed.signature)
        log.file("/a", "b")
        let records = appraise(log) { $0.verified() }.outcome.findings.kept.map(\.record)
        #expect(records == [2, 2, 4, 5, 5, 6])
    }

    @Test("A match waits for the signatures before it, and nothing is read meanwhile")
    func match() {
        var appraiser = Appraiser(policy: policy, quote: log(signatures: 1, bad: [0]).quote())
        let log = log(signatures: 2, bad: [0])
        let read = appraiser.advance(log.bytes.span)
        let isWaiting = appraiser.isWaiting
        #expect(isWaiting && read < log.bytes.count)
        let early = appraiser.matchedRecord
        #expect(early == nil)
        let more = appraiser.advance(log.bytes.span.extracting(droppingFirst: read))
        #expect(more == 0)
        let progress = appraiser.progress
        #expect(progress.findings.hasFailures, "what is pending must not pass for good")
        appraiser.settle(SignatureResults(count: 0))
        let matched = appraiser.matchedRecord
        #expect(matched == 3)
        _ = appraiser.advance(log.bytes.span.extracting(droppingFirst: read))
        let outcome = appraiser.finish()
        #expect(outcome.tier == .contraindicated && outcome.excess == 1)
        #expect(outcome.newState?.findings.count(.badSignature) == 1)
    }

    @Test("A batch is bounded; an appraisal that ends verifies what is pending")
    func bounded() {
        let log = log(signatures: SignatureBatch.signatureLimit + 5, bad: [3, SignatureBatch.signatureLimit + 4])
        let result = appraise(log) { $0.verified() }
        #expect(result.batches == [SignatureBatch.signatureLimit, 5])
        #expect(result.outcome.signatures.failed == 2 && result.outcome.signatures.verified == 1027)
        var appraiser = Appraiser(policy: policy, quote: nil)
        _ = appraiser.advance(log.bytes.span)
        let batch = appraiser.pendingSignatures
        #expect(batch?.count == SignatureBatch.signatureLimit)
        let outcome = appraiser.finish()
        #expect(outcome.signatures.failed == 1 && outcome.signatures.verified == 1023)
    }

    @Test("More is read while signatures that were taken are verified, up to another batch, and it comes to the same")
    func taken() {
        let limit = SignatureBatch.signatureLimit
        let log = log(signatures: 2 * limit + 9, bad: [5, limit + 5, 2 * limit + 5])
        var appraiser = Appraiser(policy: policy, quote: log.quote())
        var read = appraiser.advance(log.bytes.span)
        let first = appraiser.takeSignatures()
        #expect(first?.count == limit && first?.items.first?.number == 2)
        read += appraiser.advance(log.bytes.span.extracting(droppingFirst: read))
        let (nextRecord, isWaiting) = (appraiser.nextRecord, appraiser.isWaiting)
        #expect(nextRecord == UInt64(2 * limit) + 2 && isWaiting)
        let (early, oldest) = (appraiser.takeSignatures(), appraiser.pendingSignatures)
        #expect(early == nil && oldest?.items.first?.number == 2, "what was taken is settled first")
        let progress = appraiser.progress
        #expect(progress.findings.count(.badSignature) == 2 && progress.nextRecord == nextRecord)
        appraiser.settle(first?.verified() ?? SignatureResults(count: 0))
        let second = appraiser.takeSignatures()
        #expect(second?.items.first?.number == UInt64(limit) + 2)
        read += appraiser.advance(log.bytes.span.extracting(droppingFirst: read))
        // At the match both what was taken and what waits must be known.
        let (matched, isWaitingForMatch) = (appraiser.matchedRecord, appraiser.isWaiting)
        #expect(matched == nil && isWaitingForMatch && read == log.bytes.count)
        let outcome = appraiser.finish()
        let whole = Tests.appraise(log, policy)
        #expect(outcome.findings == whole.findings && outcome.newState == whole.newState)
        #expect(outcome.signatures == whole.signatures && whole.signatures.failed == 3)
    }

    @Test("A signature that stands twice in a batch is one that was known, the second time")
    func twice() {
        var options = AppraisalOptions()
        options.verifiedSignatures = VerifiedSignatures()
        let log = log(signatures: 3)
        let outcome = Tests.appraise(log, policy, options)
        #expect(outcome.signatures.verified == 1 && outcome.signatures.cached == 2 && outcome.tier == .affirming)
    }

    @Test("Only what verified is remembered, and by whole key, digest and signature", arguments: 0..<4)
    func poisoning(part: Int) {
        let memory = VerifiedSignatures()
        let key = PCRBank.sha256.digest(of: [1])
        let digest = PCRBank.sha256.digest(of: [2])
        let blob = signed.signature
        memory.insert(.init(key: key, digest: digest, blob: blob.span))
        #expect(memory.contains(.init(key: key, digest: digest, blob: blob.span)))
        for index in blob.indices {
            var other = blob
            other[index] ^= 1 << UInt8(part)
            #expect(!memory.contains(.init(key: key, digest: digest, blob: other.span)))
        }
        // A digest's end isn't the blob's beginning.
        let short = PCRBank.sha1.digest(of: [2])
        let longer = Array(digest.bytes.dropFirst(20)) + blob
        #expect(!memory.contains(.init(key: key, digest: short, blob: longer.span)))
        #expect(!memory.contains(.init(key: digest, digest: key, blob: blob.span)))
    }

    @Test("Findings that come late stand where they would have stood", arguments: 0..<20)
    func late(seed: Int) {
        let findings = (0..<250).map { index in
            Finding(.notInPolicy, record: UInt64(index / 2), found: "\(index)", isWarning: (index * 7 + seed) % 3 > 0)
        }
        var inOrder = Findings()
        for finding in findings { inOrder.add(finding) }
        var lately = Findings()
        // Every batch's late ones come after the others of its records.
        for start in stride(from: 0, to: findings.count, by: 50) {
            let batch = findings[start..<start + 50]
            let isLate = { (finding: Finding) in (finding.record ?? 0) % UInt64(2 + seed) == 1 }
            for finding in batch where !isLate(finding) { lately.add(finding) }
            for finding in batch where isLate(finding) { lately.add(finding) }
        }
        #expect(lately == inOrder && inOrder.kept.count == Findings.keptLimit)
    }
}

private enum Tests {
    static func appraise(
        _ log: LogBuilder, _ policy: Policy, _ options: AppraisalOptions = AppraisalOptions()
    ) -> AppraisalOutcome {
        var appraiser = Appraiser(policy: policy, options: options, quote: log.quote())
        let read = appraiser.appraise(log.bytes.span)
        return appraiser.finish(unread: log.bytes.count - read)
    }
}
