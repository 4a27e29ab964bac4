import Appraisal
import NIOCore
import Synchronization

extension SignatureBatch {
    /// So many signatures at a time: a few hundred microseconds for RSA, a millisecond for P-256.
    private static let slice = 16

    /// Which slice is next.
    private final class Cursor: Sendable {
        private let next = Atomic<Int>(0)

        func take() -> Int { next.add(1, ordering: .relaxed).oldValue }
    }

    /// Verifies the batch on the task pool, on as many threads as are free.
    ///
    /// Between two slices each worker steps back behind whatever else wants the pool: so the sessions of a fleet share it
    /// by slices, and one long log can't keep the others waiting.
    func verifiedOnTaskPool(workers: Int = System.coreCount) async -> SignatureResults {
        let slices = (count + Self.slice - 1) / Self.slice
        let cursor = Cursor()
        return await withTaskGroup(of: SignatureResults.self) { group in
            for _ in 0..<max(1, min(workers, slices)) {
                group.addTask {
                    var results = SignatureResults(count: count)
                    var slice = cursor.take()
                    while slice < slices {
                        verify(slice * Self.slice..<(slice + 1) * Self.slice, &results)
                        slice = cursor.take()
                        await Task.yield()
                    }
                    return results
                }
            }
            var all = SignatureResults(count: count)
            for await results in group { all.merge(results) }
            return all
        }
    }
}
