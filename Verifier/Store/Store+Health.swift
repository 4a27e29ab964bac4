extension Store {
    /// Whether verdicts can be made durable: one transaction that writes, and changes nothing.
    ///
    /// - Throws: what keeps the store from being written, such as `diskFull`.
    package func checkWritable() async throws(StoreError) {
        let schema = schema
        try await writer.perform { (transaction, changes) throws(StoreError) in
            // LMDB doesn't touch the disk for a transaction without a change; the same bytes again are one.
            guard let header = try transaction.bytes(of: Schema.MetaKey.header, in: schema.meta) else {
                throw StoreError(.damaged, "the header is missing", at: .init(database: schema.meta.name))
            }
            changes.put(Schema.MetaKey.header, header, in: schema.meta)
        }
    }
}
