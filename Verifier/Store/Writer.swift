import Dispatch
import Synchronization

/// The thread that writes: it joins the operations of many callers into one durable transaction (group commit).
///
/// It takes what has queued while the transaction before was on its way to the disk, so nobody waits for company. A
/// caller is answered only when its transaction is durable. The operations are kept until then: if the map is full
/// they are planned again in a larger one, and if a transaction fails they are tried one by one, so that only the
/// operation at fault is told.
final class Writer: Sendable {
    /// Counts since the store was opened.
    struct Statistics: Hashable, Sendable {
        /// Operations answered, refused ones too.
        var operations = 0
        /// Transactions that carried them: one fdatasync each.
        var transactions = 0
        /// How often the map grew.
        var growths = 0
    }

    /// Operations in one transaction, at most.
    static let batchLimit = 512

    private struct State {
        var queue: [WriteOperation] = []
        var isStopping = false
        var statistics = Statistics()
        var failure: StoreError?
    }

    private let environment: Environment
    private let check: @Sendable (borrowing WriteTransaction) throws(StoreError) -> Void
    private let state = Mutex(State())
    private let queued = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Starts the thread.
    ///
    /// - Parameter check: what must hold at the beginning of each transaction.
    init(
        _ environment: Environment, check: @escaping @Sendable (borrowing WriteTransaction) throws(StoreError) -> Void
    ) {
        self.environment = environment
        self.check = check
        DispatchQueue(label: "assay.store.writer").async { self.run() }
    }

    /// Counts since the store was opened.
    var statistics: Statistics { state.withLock(\.statistics) }

    /// Why the last transaction failed; nil if it is durable.
    var failure: StoreError? { state.withLock(\.failure) }

    /// Operations that wait for the next transaction.
    var queueLength: Int { state.withLock(\.queue.count) }

    /// Plans an operation in the next transaction, and returns when its changes are durable.
    ///
    /// - Parameter plan: reads through the transaction and says what to change; it may run more than once, and what it
    ///   throws changes nothing and reaches only its own caller.
    func perform<Output: Sendable>(
        _ plan: @escaping WriteOperation.Plan<Output>
    ) async throws(StoreError) -> Output {
        let result = await withCheckedContinuation { continuation in
            enqueue(WriteOperation(plan) { continuation.resume(returning: $0) })
        }
        return try result.get()
    }

    /// Ends the thread when the queue is empty, and waits for that.
    func stop() {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        guard isFirst else { return }
        queued.signal()
        ended.wait()
    }

    private func enqueue(_ operation: WriteOperation) {
        let isStopping = state.withLock { state in
            if !state.isStopping { state.queue.append(operation) }
            return state.isStopping
        }
        guard !isStopping else { return operation.fail(StoreError(.closed, "the store was closed")) }
        queued.signal()
    }

    private func run() {
        while true {
            let (batch, isStopping) = take()
            if !batch.isEmpty {
                commit(batch)
            } else if isStopping {
                break
            } else {
                queued.wait()
            }
        }
        ended.signal()
    }

    private func take() -> (batch: [WriteOperation], isStopping: Bool) {
        state.withLock { state in
            let batch = Array(state.queue.prefix(Self.batchLimit))
            state.queue.removeFirst(batch.count)
            return (batch, state.isStopping)
        }
    }

    private func commit(_ batch: [WriteOperation]) {
        do throws(StoreError) {
            let answers = try growing { () throws(StoreError) in try write(batch) }
            state.withLock { state in
                state.statistics.operations += answers.count
                state.statistics.transactions += 1
                state.failure = nil
            }
            for answer in answers { answer() }
        } catch {
            guard batch.count > 1 else {
                state.withLock { $0.failure = error }
                return batch.forEach { $0.fail(error) }
            }
            for operation in batch { commit([operation]) }
        }
    }

    private func write(_ batch: [WriteOperation]) throws(StoreError) -> [WriteOperation.Answer] {
        try environment.write { (transaction) throws(StoreError) in
            try check(transaction)
            var answers: [WriteOperation.Answer] = []
            answers.reserveCapacity(batch.count)
            for operation in batch {
                var changes = Changes()
                answers.append(operation.plan(transaction, &changes))
                try changes.apply(to: transaction)
            }
            return answers
        }
    }

    /// Repeats `body` in a larger map for as long as it doesn't fit, up to the ceiling.
    private func growing<Output>(_ body: () throws(StoreError) -> Output) throws(StoreError) -> Output {
        while true {
            do throws(StoreError) {
                return try body()
            } catch {
                guard error.code == .mapFull else { throw error }
            }
            try environment.grow()
            state.withLock { $0.statistics.growths += 1 }
        }
    }
}
