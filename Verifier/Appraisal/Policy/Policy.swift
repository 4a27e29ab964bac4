package import AssayCrypto
internal import IMA

/// An appraisal policy, ready to judge records: immutable, one for all sessions that use it.
package final class Policy: Sendable {
    /// SHA-256 of the source's bytes: the policy's name in the store, and in each verdict.
    package let contentHash: Digest
    /// What its author should look at; nothing of it keeps the policy from working.
    package let warnings: [PolicyError.Fault]
    /// The section `assay`.
    package let rules: PolicyRules
    /// The blob that ``init(compiled:)`` loads.
    package var compiled: [UInt8] { tables.bytes }

    let tables: CompiledPolicy
    let excludes: Excludes
    let verificationKeys: [VerificationKey]
    let fileKeyrings: Set<[UInt8]>
    let violationPaths: [(glob: Glob, action: PolicyAction)]
    /// The custom templates among those listed whose records a measured buffer's could be taken for.
    let templatesLikeBuffers: [Template]
    private let ignoredKeyrings: Set<[UInt8]>
    private let ignoresAllKeyrings: Bool

    /// Loads a compiled policy: a check of its bytes, the expressions' compilation, no parsing.
    package convenience init(compiled: [UInt8]) throws(PolicyError) {
        try self.init(CompiledPolicy(compiled), warnings: [])
    }

    /// Reads and compiles a policy.
    ///
    /// - Parameters:
    ///   - source: JSON, or a DSSE envelope of it.
    ///   - signers: keys, one of which must have signed. Without any the policy must be plain; with any, signed.
    package convenience init(source: [UInt8], signers: [PublicKey] = []) throws(PolicyError) {
        try self.init(source, .signature(signers))
    }

    /// Compiles a policy anew whose source a store keeps: whether it is signed, and by whom, was settled when it was put.
    package convenience init(storedSource source: [UInt8]) throws(PolicyError) {
        try self.init(source, .givenBefore)
    }

    private convenience init(_ source: [UInt8], _ proof: SignedPolicy.Proof) throws(PolicyError) {
        let reader = try PolicyReader.read(source, proof)
        try self.init(
            document: reader.document, contentHash: PCRBank.sha256.digest(of: source), warnings: reader.warnings)
    }

    /// Reads and compiles a plain policy.
    package convenience init(json: [UInt8]) throws(PolicyError) {
        try self.init(source: json)
    }

    /// Compiles a policy that was made here.
    package convenience init(
        document: PolicyDocument, contentHash: Digest, warnings: [PolicyError.Fault] = []
    ) throws(PolicyError) {
        let blob = try PolicyCompiler.compile(document, contentHash: contentHash)
        try self.init(CompiledPolicy(blob), warnings: warnings + KeyringName.warnings(of: document))
    }

    private init(_ tables: CompiledPolicy, warnings: [PolicyError.Fault]) throws(PolicyError) {
        let rules = tables.rules
        var warnings = warnings
        excludes = try Excludes(of: rules.excludes, rules.assay, warnings: &warnings)
        let templates = rules.assay.templates.compactMap { Template(name: $0.span) }
        templatesLikeBuffers = templates.filter(\.isLikeBuffer)
        verificationKeys = try VerificationKeyText.read(rules.verificationKeys)
        warnings += VerificationKeyText.warnings(verificationKeys)
        fileKeyrings = KeyringScope.files.union(rules.assay.fileKeyrings)
        violationPaths = rules.assay.violationPaths.map { (Glob($0.glob), $0.action) }
        ignoredKeyrings = Set(rules.ignoredKeyrings)
        ignoresAllKeyrings = rules.ignoredKeyrings.contains([UInt8(ascii: "*")])
        self.rules = rules.assay
        self.tables = tables
        self.warnings = warnings
        contentHash = tables.contentHash
    }

    /// What the policy says of a file.
    func file(_ path: Span<UInt8>, _ digest: Span<UInt8>) -> DigestTable.Listing {
        tables.paths.listing(path, digest, in: tables.bytes)
    }

    /// Begins to fetch what a look-up of a file will need; ``fetch(_:)`` goes on with it, and then comes the look-up.
    func anticipate(_ path: Span<UInt8>) -> UInt64 { tables.paths.fetchSlot(path, in: tables.bytes) }

    /// The second step of ``anticipate(_:)``.
    func fetch(_ anticipated: UInt64) { tables.paths.fetchRecord(anticipated, in: tables.bytes) }

    /// Whether the policy lists a digest for a path.
    package func allows(file path: [UInt8], _ digest: [UInt8]) -> Bool { file(path.span, digest.span) == .allowed }

    /// What the policy says of a key on a keyring.
    func key(_ keyring: Span<UInt8>, _ digest: Span<UInt8>) -> DigestTable.Listing {
        tables.keyrings.listing(keyring, digest, in: tables.bytes)
    }

    /// What the policy says of a buffer.
    func buffer(_ name: Span<UInt8>, _ digest: Span<UInt8>) -> DigestTable.Listing {
        tables.buffers.listing(name, digest, in: tables.bytes)
    }

    /// Whether the keys of a keyring are neither judged nor learned.
    func ignores(keyring: [UInt8]) -> Bool {
        ignoresAllKeyrings || ignoredKeyrings.contains(keyring)
    }

    /// What to do about a violation of a path. No digest covers the path, so it never makes less of one than the default.
    func violationAction(_ path: Span<UInt8>) -> PolicyAction {
        let byDefault = rules.violations ?? .warn
        for rule in violationPaths where rule.glob.matches(path) { return max(rule.action, byDefault) }
        return byDefault
    }

    /// Whether records of a custom template are judged.
    func lists(template: Span<UInt8>) -> Bool {
        for format in rules.templates where format.count == template.count {
            if format.indices.allSatisfy({ format[$0] == template[$0] }) { return true }
        }
        return false
    }
}
