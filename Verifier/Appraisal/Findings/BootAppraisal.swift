package import TPM

/// How far a verdict covers what the host has booted. The log begins with a kernel that runs already: what was booted before
/// it, and which kernel, is in other PCRs.
package struct BootAppraisal: Hashable, Sendable, CustomStringConvertible {
    /// The PCRs whose quoted values were compared with those that the policy lists; empty if none was.
    package let pcrs: PCRSet

    /// Nothing of the boot was looked at.
    package static let none = BootAppraisal(pcrs: [])

    private init(pcrs: PCRSet) {
        self.pcrs = pcrs
    }

    /// What a policy looks at, given a quote.
    package init(by policy: Policy?) {
        pcrs = PCRSet(policy?.rules.pcrs.map(\.pcr) ?? [])
    }

    /// Such as `not appraised`.
    package var description: String {
        guard !pcrs.isEmpty else { return "not appraised" }
        return "PCR \(pcrs.ranges) compared with the policy's assay.pcrs"
    }
}
