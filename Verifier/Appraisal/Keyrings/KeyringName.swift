internal import Bytes

/// Names of keyrings as a policy writes them: any name can be one, but some are like the kernel's own by mistake.
enum KeyringName {
    /// The keyrings that the kernel makes (Linux, certs/ and security/integrity/): records of keys name them so.
    private static let kernels = [
        ".ima", ".evm", ".builtin_trusted_keys", ".secondary_trusted_keys", ".machine", ".platform", ".blacklist",
    ]
    /// Those that kernels without the former take their keys from; a user makes them.
    private static let users = ["_ima", "_evm"]

    /// What the author of a policy should look at; nil for a name of the kernel's, or one that is like none.
    static func doubt(about name: [UInt8]) -> String? {
        guard let text = String(validating: name, as: UTF8.self), !(kernels + users).contains(text) else { return nil }
        // Nobody can make a keyring whose name begins with a dot: one that isn't known is a newer kernel's, or a slip.
        let meant = kernels.contains("." + text) ? "." + text : nearest(to: text, among: kernels)
        return meant.map { "the kernel's own keyring is \($0), and this name is another one's" }
    }

    /// The doubts about all names that a document has.
    static func warnings(of document: PolicyDocument) -> [PolicyError.Fault] {
        let named: [(place: String, names: [[UInt8]])] = [
            ("keyrings", document.keyrings.map(\.name)), ("ima.ignored_keyrings", document.ignoredKeyrings ?? []),
            ("assay.file_keyrings", document.assay.fileKeyrings),
        ]
        return named.flatMap { place, names in
            names.compactMap { name in
                doubt(about: name).map { .init(place: "\(place): \(quoted(name))", message: $0) }
            }
        }
    }
}
