package import Appraisal
internal import Dispatch
internal import Synchronization

/// The threads that verify a log's signatures.
package struct SignatureThreads: Sendable {
    /// So many signatures at a time: a few hundred microseconds of work.
    private static let slice = 16

    private let count: Int

    /// - Parameter count: how many threads; more than there are cores are of no use, and 1 is the caller's own.
    package init(count: Int) {
        self.count = max(1, count)
    }

    /// Has every signature that an appraiser waits for verified and settled.
    package func settle(_ appraiser: inout Appraiser) {
        guard let batch = appraiser.pendingSignatures else { return }
        appraiser.settle(verified(batch))
    }

    /// Verifies a batch: each thread takes the next slice until none is left.
    package func verified(_ batch: SignatureBatch) -> SignatureResults {
        let slices = (batch.count + Self.slice - 1) / Self.slice
        let threads = min(count, slices)
        guard threads > 1 else { return batch.verified() }
        let next = Atomic<Int>(0)
        let all = Mutex(SignatureResults(count: batch.count))
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            var results = SignatureResults(count: batch.count)
            while true {
                let slice = next.add(1, ordering: .relaxed).oldValue
                guard slice < slices else { break }
                batch.verify(slice * Self.slice..<(slice + 1) * Self.slice, &results)
            }
            all.withLock { $0.merge(results) }
        }
        return all.withLock { $0 }
    }
}
