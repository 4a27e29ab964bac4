import Appraisal
import AssayCrypto
import Bytes
import TestSupport

extension FuzzTarget {
    /// A policy's source, signed or not, and its compiled form.
    static let policies = [
        FuzzTarget(name: "policy", seeds: policySeeds, check: checkPolicy),
        FuzzTarget(name: "dsse", seeds: { [try Signed.envelope()] }, check: checkEnvelope),
        FuzzTarget(name: "blob", seeds: blobSeeds, check: checkBlob),
        FuzzTarget(name: "forged-blob", seeds: blobSeeds, check: checkForgedBlob),
    ]

    @Sendable private static func policySeeds() throws -> [[UInt8]] {
        var seeds = [Array(everything.utf8)]
        for name in try Fixtures.folders(in: "appraisal/policy") {
            if let json = try? Fixtures.bytes("appraisal/policy/\(name)/policy.json"), json.count < 1 << 14 {
                seeds.append(json)
            }
        }
        return seeds
    }

    /// Each member that a policy can have.
    private static let everything = """
        {"meta": {"version": 1, "generator": 0}, "release": 0, "digests": {"/a": ["\(hex("1"))"], "/\\u00e9": []},
         "excludes": ["/tmp/", "/x+$"], "keyrings": {".ima": ["\(hex("4"))"]},
         "ima": {"ignored_keyrings": [".b"], "log_hash_alg": "sha1", "dm_policy": null},
         "ima-buf": {"b": ["\(hex("5"))"]}, "verification-keys": "",
         "assay": {"violations": {"default": "fail", "paths": [{"glob": "/var/**", "action": "ignore"}]},
          "unlisted_keyrings": "ignore", "file_keyrings": ["r"], "exclude_globs": ["/g/*"],
          "pcrs": {"7": {"sha256": ["\(hex("6"))"]}}}}
        """

    private static func hex(_ digit: Character) -> String { String(repeating: digit, count: 64) }

    /// What a policy says compiled is what its document says.
    @Sendable private static func checkPolicy(_ json: [UInt8]) throws {
        guard let policy = try? Policy(json: json), let document = try? PolicyDocument(json: json) else { return }
        let again = try? Policy(compiled: policy.compiled)
        try require(again?.rules == policy.rules && again?.contentHash == policy.contentHash, "another policy compiled")
        for entry in document.digests.prefix(50) {
            for digest in entry.digests {
                try require(policy.allows(file: entry.name, digest), "what is listed isn't allowed")
                try require(again?.allows(file: entry.name, digest) == true, "what is listed isn't in the blob")
            }
            let other = [UInt8](repeating: 0xa5, count: 32)
            try require(
                policy.allows(file: entry.name, other) == document.lists(entry.name, other), "a digest not listed")
            try require(
                policy.allows(file: entry.name + [0], other) == document.lists(entry.name + [0], other),
                "a name not listed")
        }
    }

    /// Whatever became of the envelope: what verifies is what was signed.
    @Sendable private static func checkEnvelope(_ source: [UInt8]) throws {
        guard let key = try? Signed.key(), let payload = try? SignedPolicy.payload(of: source, signers: [key]) else {
            return
        }
        try require(try payload == Signed.payload(), "a payload that nobody signed")
    }

    @Sendable private static func blobSeeds() throws -> [[UInt8]] { [try Policy(json: Array(everything.utf8)).compiled] }

    /// A blob that is accepted as it comes is the one that was made.
    @Sendable private static func checkBlob(_ blob: [UInt8]) throws {
        guard let policy = try? Policy(compiled: blob) else { return }
        let seeds = try blobSeeds()
        try require(seeds.contains(blob), "a damaged blob is accepted")
        lookUp(policy)
    }

    /// A blob under a right checksum may say anything, but nothing of it leads outside.
    @Sendable private static func checkForgedBlob(_ blob: [UInt8]) throws {
        guard let forged = CompiledPolicy.withChecksum(blob), let policy = try? Policy(compiled: forged) else { return }
        lookUp(policy)
    }

    private static func lookUp(_ policy: Policy) {
        for name in ["", "/a", "/é", "/x", ".ima", "b", String(repeating: "x", count: 300)] {
            _ = policy.allows(file: Array(name.utf8), [UInt8](repeating: 0x11, count: 32))
            _ = policy.allows(file: Array(name.utf8), [])
        }
    }
}

extension PolicyDocument {
    fileprivate func lists(_ name: [UInt8], _ digest: [UInt8]) -> Bool {
        digests.contains { $0.name == name && $0.digests.contains(digest) }
    }
}

/// A signed policy out of the committed cases.
private enum Signed {
    static let folder = "appraisal/policy/dsse-p521"

    static func envelope() throws -> [UInt8] { try Fixtures.bytes(folder + "/policy.dsse.json") }

    static func key() throws -> PublicKey { try PublicKey(encoded: try Fixtures.bytes(folder + "/key.pem")) }

    static func payload() throws -> [UInt8] { try SignedPolicy.payload(of: try envelope(), signers: [try key()]) }
}
