package import AssayCrypto

/// Everything that is wrong with a policy, and everything that its author should look at.
package struct PolicyCheck: Sendable {
    /// What keeps the policy from being loaded, in the order of the file.
    package let faults: [PolicyError.Fault]
    /// What doesn't.
    package let warnings: [PolicyError.Fault]

    /// Checks a policy: its signature, its schema, its expressions and its keys, each of them though others fail.
    ///
    /// - Parameters:
    ///   - signers: keys, one of which must have signed; none for a plain policy.
    ///   - checksum: what the file's SHA-256 must be; nil for any.
    package init(source: [UInt8], signers: [PublicKey] = [], checksum: Digest? = nil) {
        var found: [PolicyError.Fault] = []
        let hash = PCRBank.sha256.digest(of: source)
        if let checksum, checksum != hash {
            found.append(.init(place: "file", message: "its SHA-256 is \(hash), not \(checksum)"))
        }
        let (faults, warnings) = PolicyReader.check(source, signers: signers)
        self.faults = found + faults
        self.warnings = warnings
    }
}
