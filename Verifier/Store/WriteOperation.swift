/// One caller's part of a transaction: what it plans, and how it is told the outcome.
struct WriteOperation: Sendable {
    /// Reads, and collects changes; a throw must be for this operation's own reasons.
    typealias Plan<Output> = @Sendable (borrowing WriteTransaction, inout Changes) throws(StoreError) -> Output
    /// Tells the caller; called once, after the transaction is durable.
    typealias Answer = @Sendable () -> Void

    /// Plans the changes; none are left if the plan threw.
    let plan: @Sendable (borrowing WriteTransaction, inout Changes) -> Answer
    /// Tells the caller that the transaction failed.
    let fail: @Sendable (StoreError) -> Void

    init<Output: Sendable>(
        _ plan: @escaping Plan<Output>, reply: @escaping @Sendable (Result<Output, StoreError>) -> Void
    ) {
        self.plan = { transaction, changes in
            do throws(StoreError) {
                let output = try plan(transaction, &changes)
                return { reply(.success(output)) }
            } catch {
                changes = Changes()
                return { reply(.failure(error)) }
            }
        }
        fail = { reply(.failure($0)) }
    }
}

/// What an operation wants written. Nothing is written before the whole operation is planned, so a refused one leaves
/// no trace in the transaction it shares.
struct Changes {
    private enum Change {
        case put(key: [UInt8], value: [UInt8], Database)
        case delete(key: [UInt8], Database)
    }

    private var changes: [Change] = []

    /// Stores a value, in place of the key's former one.
    mutating func put(_ key: [UInt8], _ value: [UInt8], in database: Database) {
        changes.append(.put(key: key, value: value, database))
    }

    /// Removes a key; one that isn't there is removed already.
    mutating func delete(_ key: [UInt8], in database: Database) {
        changes.append(.delete(key: key, database))
    }

    func apply(to transaction: borrowing WriteTransaction) throws(StoreError) {
        for change in changes {
            switch change {
            case .put(let key, let value, let database): try transaction.put(key, value, in: database)
            case .delete(let key, let database): try transaction.delete(key, in: database)
            }
        }
    }
}
