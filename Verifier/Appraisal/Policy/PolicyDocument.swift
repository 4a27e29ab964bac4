package import AssayCrypto

/// A policy as its author wrote it: runtime policy v1, and our own section `assay`.
///
/// It exists while a policy is compiled, and for the commands that make and compare policies.
package struct PolicyDocument: Hashable, Sendable {
    /// A name and the digests allowed under it, in the file's order.
    package struct Entry: Hashable, Sendable {
        /// A path, or the name of a keyring or buffer.
        package var name: [UInt8]
        /// The digests, 20 to 64 bytes each.
        package var digests: [[UInt8]]

        /// A name and its digests.
        package init(name: [UInt8], digests: [[UInt8]]) {
            self.name = name
            self.digests = digests
        }
    }

    /// Who made the policy, 0 to 3, as that format numbers its generators.
    package var generator: Int64 = 0
    /// When, as text.
    package var timestamp: [UInt8]?
    /// Allowed digests of files, by path.
    package var digests: [Entry] = []
    /// Regular expressions, matched from the start of a path.
    package var excludes: [[UInt8]] = []
    /// Allowed keys, by keyring.
    package var keyrings: [Entry] = []
    /// Allowed buffers, by name.
    package var buffers: [Entry] = []
    /// Keyrings whose keys are neither judged nor learned; `*` stands for all. Nil if the policy doesn't say, which means
    /// none.
    package var ignoredKeyrings: [[UInt8]]? = []
    /// The hash of logs' digest column, which has no effect; nil if the policy doesn't say.
    package var logHash: PCRBank? = .sha1
    /// The text of `verification-keys`; empty for none.
    package var verificationKeys: [UInt8] = []
    /// Our own section.
    package var assay = PolicyRules()

    /// An empty policy.
    package init() {}

    /// What a policy's JSON says.
    package init(json: [UInt8]) throws(PolicyError) {
        self = try PolicyReader.read(json, .signature([])).document
    }
}

/// What to do about something that a policy may forgive.
package enum PolicyAction: UInt8, CaseIterable, Hashable, Comparable, Sendable, CustomStringConvertible {
    case ignore = 0
    case warn = 1
    case fail = 2

    /// The stricter one is more.
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The word in a policy.
    package var description: String {
        switch self {
        case .ignore: "ignore"
        case .warn: "warn"
        case .fail: "fail"
        }
    }

    /// The action with this word.
    package init?(word: some Sequence<UInt8>) {
        guard let action = Self.allCases.first(where: { $0.description.utf8.elementsEqual(word) }) else { return nil }
        self = action
    }
}

/// The section `assay` of a policy: what the format of others has no place for.
package struct PolicyRules: Hashable, Sendable {
    /// A rule for the violations of some paths.
    package struct ViolationRule: Hashable, Sendable {
        /// Which paths.
        package var glob: [UInt8]
        /// What to do.
        package var action: PolicyAction

        /// A rule.
        package init(glob: [UInt8], action: PolicyAction) {
            self.glob = glob
            self.action = action
        }
    }

    /// Allowed values of one PCR in one bank.
    package struct PCRRule: Hashable, Sendable {
        /// 0 to 23.
        package var pcr: Int
        /// The bank by its name, such as `sha256`.
        package var bank: String
        /// The values, each of the bank's size.
        package var values: [[UInt8]]

        /// A rule.
        package init(pcr: Int, bank: String, values: [[UInt8]]) {
            self.pcr = pcr
            self.bank = bank
            self.values = values
        }
    }

    /// What to do about violations where no glob asks for more; nil if the policy doesn't say, which means ``PolicyAction/warn``.
    package var violations: PolicyAction?
    /// Rules for the violations of some paths: the first that matches counts, where it is stricter than the default.
    package var violationPaths: [ViolationRule] = []
    /// What to do about a key on a keyring that the policy doesn't mention; nil takes the default by name.
    package var unlistedKeyrings: PolicyAction?
    /// Further keyrings whose keys vouch for files.
    package var fileKeyrings: [[UInt8]] = []
    /// Globs of paths that are excluded.
    package var excludeGlobs: [[UInt8]] = []
    /// Regular expressions over names that don't begin with `/`: files so named pass unseen.
    package var unrootedNames: [[UInt8]] = []
    /// The format strings of custom templates whose records are judged.
    package var templates: [[UInt8]] = []
    /// What to do about a match that rests on SHA-1, padded with zeros to a wider bank's size; nil warns, unless SHA-1 is
    /// allowed.
    package var paddedBanks: PolicyAction?
    /// Expected values of PCRs that hold no records.
    package var pcrs: [PCRRule] = []

    /// Every default.
    package init() {}
}
