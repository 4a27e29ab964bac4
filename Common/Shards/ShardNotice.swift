/// What a writer found when it opened a boot epoch's shards, that an operator should know.
package enum ShardNotice: Hashable, Sendable, CustomStringConvertible {
    /// The index was lost or can't be read, and was made anew from the shards.
    case indexRebuilt(path: String, records: UInt64)
    /// A shard is missing or isn't what was written.
    case damaged(ShardError)
    /// Shards of boots that are over were removed.
    case removed([BootEpoch])

    package var description: String {
        switch self {
        case .indexRebuilt(let path, let records):
            "\(path): the index was lost; it was made anew from the shards, which hold \(records) records"
        case .damaged(let error): "\(error)"
        case .removed(let epochs):
            "removed the shards of boots that are over: " + epochs.map(\.folder).joined(separator: ", ")
        }
    }
}
