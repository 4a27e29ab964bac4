internal import AssayCrypto

/// The keys that may vouch for files, or for their metadata, at one point of a log, by id.
///
/// Denied keys are left out when the index is made, so that neither a verification nor a memory of one can reach them.
struct SigningKeys: Sendable {
    /// A key to try.
    struct Candidate: Sendable {
        let fingerprint: Digest
        let material: KeyMaterial
    }

    private var candidates: [KeyID: [Candidate]] = [:]
    private var denied: [KeyID: [Candidate]] = [:]
    private var unusable: Set<KeyID> = []

    /// No keys.
    init() {}

    /// Adds a key, unless it is denied.
    mutating func add(_ id: KeyID, _ candidate: Candidate, unless deniedKeys: Set<Digest>) {
        if deniedKeys.contains(candidate.fingerprint) {
            denied[id, default: []].append(candidate)
        } else if candidates[id]?.contains(where: { $0.fingerprint == candidate.fingerprint }) != true {
            candidates[id, default: []].append(candidate)
        }
    }

    /// Remembers the id of a key that was given, but can't be used.
    mutating func noteUnusable(_ id: KeyID) { unusable.insert(id) }

    /// Whether a key that was given, but can't be used, has this id.
    func isUnusable(_ id: KeyID) -> Bool { unusable.contains(id) }

    /// The keys with an id; ids collide, each is to be tried.
    func candidates(_ id: KeyID) -> [Candidate]? { candidates[id] }

    /// Whether a denied key has this id.
    func isDenied(_ id: KeyID) -> Bool { denied[id] != nil }

    /// The keys whose certificate has this issuer and serial number. Every key is looked at: few signatures ask so.
    func candidates(issuerAndSerial name: [UInt8]) -> [Candidate] {
        candidates.values.flatMap { $0.filter { $0.material.issuerAndSerial == name } }
    }

    /// The id of a denied key whose certificate has this issuer and serial number.
    func deniedKey(issuerAndSerial name: [UInt8]) -> KeyID? {
        denied.first { $0.value.contains { $0.material.issuerAndSerial == name } }?.key
    }
}
