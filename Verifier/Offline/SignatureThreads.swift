package import Appraisal
internal import Dispatch
internal import Synchronization

/// The threads that verify a log's signatures, while the caller reads on.
package struct SignatureThreads: Sendable {
    private let count: Int
    private var running: SharedBatch?

    /// - Parameter count: how many threads, the caller's own among them; more than there are cores are of no use.
    package init(count: Int) {
        self.count = max(1, count)
    }

    /// Brings an appraisal on that waits for signatures: settles those that are being verified, and has the next ones
    /// begun with. It may have to wait for these, too, and then wants to be settled once more.
    package mutating func settle(_ appraiser: inout Appraiser) {
        if let batch = running {
            running = nil
            appraiser.settle(batch.finish())
        }
        guard count > 1 else {
            if let batch = appraiser.pendingSignatures { appraiser.settle(batch.verified()) }
            return
        }
        running = appraiser.takeSignatures().map { SharedBatch($0, helpers: count - 1) }
    }

    /// Settles every signature that an appraiser waits for.
    package mutating func settleAll(_ appraiser: inout Appraiser) {
        while appraiser.pendingSignatures != nil { settle(&appraiser) }
    }
}

/// A batch that several threads verify: each takes the next slice until none is left.
private final class SharedBatch: Sendable {
    /// So many signatures at a time: a few hundred microseconds of work.
    private static let slice = 16

    private let batch: SignatureBatch
    private let next = Atomic<Int>(0)
    private let all: Mutex<SignatureResults>
    private let group = DispatchGroup()

    /// Has others begin with it.
    ///
    /// - Parameter helpers: how many, beside whoever calls ``finish()``.
    init(_ batch: SignatureBatch, helpers: Int) {
        self.batch = batch
        all = Mutex(SignatureResults(count: batch.count))
        for _ in 0..<helpers { DispatchQueue.global().async(group: group) { self.verify() } }
    }

    /// Verifies what is left of it, and waits for the others' last slices.
    func finish() -> SignatureResults {
        verify()
        group.wait()
        return all.withLock { $0 }
    }

    private func verify() {
        var results = SignatureResults(count: batch.count)
        while true {
            let start = next.add(Self.slice, ordering: .relaxed).oldValue
            guard start < batch.count else { break }
            batch.verify(start..<start + Self.slice, &results)
        }
        all.withLock { $0.merge(results) }
    }
}
