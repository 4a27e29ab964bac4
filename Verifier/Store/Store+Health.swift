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

    /// How much room the store takes, and how much it may.
    package struct Room: Hashable, Sendable {
        /// From this part of the limit on an operator is warned.
        package static let warningLevel = 0.8

        /// Bytes of the pages in use.
        package let usedBytes: Int
        /// Bytes of the file, free pages included; it never shrinks.
        package let fileBytes: Int
        /// Bytes that the file never grows beyond.
        package let limitBytes: Int
        /// Bytes that are free on its disk; nil if the system doesn't say.
        package let diskBytes: Int?

        /// How full the store is, 0 to 1 and more.
        package var fullness: Double { limitBytes > 0 ? Double(usedBytes) / Double(limitBytes) : 1 }
    }

    /// How much room the store takes, and how much it may.
    package func room() throws(StoreError) -> Room {
        let used = try environment.read { (transaction) throws(StoreError) in
            var used = 0
            for database in schema.all { used += try transaction.size(of: database) }
            return used
        }
        return Room(
            usedBytes: used, fileBytes: environment.figures.bytes, limitBytes: environment.ceiling,
            diskBytes: environment.diskSpace)
    }

    /// What an operator should know before the store is full; nil while there is room.
    package func roomWarning() -> String? {
        guard let room = try? room(), room.fullness >= Room.warningLevel else { return nil }
        let percent = Int(room.fullness * 100)
        return
            "the store takes \(percent) % of its limit of \(room.limitBytes >> 20) MiB (storage.limit): raise it, shorten "
            + "what is kept (history.*), or remove agents that are no longer needed"
    }
}
