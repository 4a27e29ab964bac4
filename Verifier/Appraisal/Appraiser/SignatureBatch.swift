internal import AssayCrypto
internal import IMA

/// Signatures that records' verdicts wait for, copied out of the log: they can be verified anywhere, by any number of
/// threads and in any order. The appraiser then settles them in the log's order.
package struct SignatureBatch: Sendable {
    /// How many signatures wait before the appraisal does: some ten milliseconds of work for one thread.
    static let signatureLimit = 1024
    /// How many bytes of records do.
    static let byteLimit = 1 << 19

    /// A record that waits for its signature.
    struct Item: Sendable {
        /// The record's number in the epoch.
        let number: UInt64
        /// What the record says; its places are in ``SignatureBatch/bytes``.
        let fields: RecordFields
        /// The signature's header; likewise.
        let signature: FileSignature
        /// What was signed.
        let digest: Digest
        /// The hash that made it.
        let hash: HashAlgorithm
        /// The keys that have the signature's key id, and may vouch for the file at this place of the log.
        let candidates: [SigningKeys.Candidate]
    }

    /// The records' template data, one behind the other.
    private(set) var bytes: [UInt8] = []
    /// In the log's order.
    private(set) var items: [Item] = []

    /// No signatures.
    init() {}

    /// How many signatures there are.
    package var count: Int { items.count }

    /// Whether no signature waits.
    var isEmpty: Bool { items.isEmpty }

    /// Whether the appraisal is to wait for these before it takes more.
    var isFull: Bool { items.count >= Self.signatureLimit || bytes.count >= Self.byteLimit }

    /// Adds a record's signature.
    ///
    /// - Parameter data: the record's template data in `log`, which the places in `fields` and `signature` are of.
    mutating func append(
        _ number: UInt64, _ fields: RecordFields, _ signature: FileSignature, _ digest: Digest, _ hash: HashAlgorithm,
        _ candidates: [SigningKeys.Candidate], data: Range<Int>, of log: Span<UInt8>
    ) {
        let distance = bytes.count - data.lowerBound
        log.extracting(data).withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        items.append(
            Item(
                number: number, fields: fields.moved(by: distance), signature: signature.moved(by: distance),
                digest: digest, hash: hash, candidates: candidates))
    }

    /// Verifies all of them here and now.
    package func verified() -> SignatureResults {
        var results = SignatureResults(count: count)
        verify(0..<count, &results)
        return results
    }

    /// Verifies some of them: a slice of the work.
    ///
    /// - Parameter range: clamped to the signatures that there are.
    package func verify(_ range: Range<Int>, _ results: inout SignatureResults) {
        for index in range.clamped(to: items.indices) { results[index] = verify(items[index]) }
    }

    /// The first of the candidates that made the signature.
    func verify(_ item: Item) -> SignatureResults.Result {
        let digest = bytes.span.extracting(item.fields.digest.range)
        for (index, candidate) in item.candidates.enumerated() {
            guard let key = candidate.material.publicKey,
                key.made(item.signature, in: bytes.span, over: item.digest, item.hash, ofFile: digest)
            else { continue }
            return .good(candidate: index)
        }
        return .bad
    }
}

/// What became of a batch's signatures, so far.
package struct SignatureResults: Hashable, Sendable {
    /// What became of one.
    enum Result: Hashable, Sendable {
        /// Nobody has verified it yet.
        case open
        /// One of the candidates made it.
        case good(candidate: Int)
        /// None of them did.
        case bad
    }

    private var results: [Result]

    /// Of a batch of so many, of which none is verified yet.
    package init(count: Int) {
        results = [Result](repeating: .open, count: max(0, count))
    }

    /// Of the signature at a place; `open` where there is none.
    subscript(index: Int) -> Result {
        get { results.indices.contains(index) ? results[index] : .open }
        set { if results.indices.contains(index) { results[index] = newValue } }
    }

    /// Takes over what others, of the same batch, have that these don't.
    package mutating func merge(_ others: SignatureResults) {
        for index in results.indices where results[index] == .open { results[index] = others[index] }
    }
}
