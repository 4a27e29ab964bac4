import ArgumentParser
import AssayCrypto
import Bytes
import Store
import Terminal

extension KeyringsCommand {
    /// Denies a key.
    struct Deny: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a key vouch for nothing any more, whichever host has it, at once.",
            discussion: """
                Verdicts that rest on it no longer affirm, and the logs of those hosts are judged again from record 0. \
                The key is named by the SHA-256 of its public key (SubjectPublicKeyInfo), as keyrings show prints it; the \
                SHA-256 of a certificate that was learned is taken for its key's.
                """)

        @OptionGroup var options: StoreOptions

        @Argument(help: "SHA-256 of the public key or of a learned certificate, in hexadecimal digits.")
        var sha256: KeyHash

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Done: Encodable {
            let denied: String
            /// Whether the hash given was of a certificate, or the key is known under it.
            let isKnown: Bool
            /// Agents whose last verdict rests on it, or whose policy brings it.
            let agents: [String]
        }

        func run() async throws {
            let store = try await options.open(.existing)
            defer { store.close() }
            let done = try await reported {
                let known = try store.keyHash(for: sha256.digest)
                let key = known ?? sha256.digest
                try await store.deny(key, at: currentTime())
                return Done(
                    denied: "\(key)", isKnown: known != nil,
                    agents: try await store.agents(restingOn: key).map(\.description))
            }
            if json { return Output.line(try jsonLine(done)) }
            guard done.isKnown || !done.agents.isEmpty else { return tellOfUnknown(done.denied) }
            Output.line("denied \(done.denied): it vouches for nothing from now on")
            if !done.agents.isEmpty {
                Output.line(
                    "\(counted(done.agents.count, "agent")) no longer affirmed by it, to be judged "
                        + "again from record 0: " + listed(done.agents))
            }
        }

        /// Nobody can tell whether the hash is a public key's, which is denied then, or a certificate's, which denies nothing.
        private func tellOfUnknown(_ hash: String) {
            Output.line(
                "denied the public key of SHA-256 \(hash), if there is one: no key or certificate with it is known yet")
            Output.notice(
                "if it is a certificate's hash, no key is denied by it: take it back (assay-verifier keyrings allow "
                    + "\(hash)), and deny its public key's, which is printed by: openssl x509 -in FILE -pubkey -noout | "
                    + "openssl pkey -pubin -outform der | sha256sum")
        }

        private func listed(_ agents: [String]) -> String {
            agents.prefix(10).joined(separator: ", ") + (agents.count > 10 ? " and \(agents.count - 10) more" : "")
        }
    }

    /// Allows a denied key again.
    struct Allow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the denial of a key back.",
            discussion: "The logs of the hosts that have it are judged again from record 0.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The hash that was denied, or that of a learned certificate of the key.")
        var sha256: KeyHash

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Done: Encodable {
            let allowed: String
        }

        func run() async throws {
            let store = try await options.open(.existing)
            defer { store.close() }
            let done = try await reported {
                let isDenied = try store.denials()[sha256.digest] != nil
                let key = isDenied ? sha256.digest : try store.keyHash(for: sha256.digest) ?? sha256.digest
                try await store.allow(key)
                return Done(allowed: "\(key)")
            }
            Output.line(
                json
                    ? try jsonLine(done)
                    : "allowed \(done.allowed) again: the hosts that have it are judged anew from record 0")
        }
    }
}

/// A key's SHA-256 as people copy it: either case, with or without colons or `sha256:` before it.
struct KeyHash: ExpressibleByArgument {
    let digest: Digest

    init?(argument: String) {
        let text = argument.lowercased().replacing("sha256:", with: "").replacing(":", with: "")
        guard let bytes = [UInt8](hexadecimal: text), bytes.count == 32, let digest = Digest(bytes) else { return nil }
        self.digest = digest
    }
}

extension Store {
    /// The agents whose state was judged before a key was denied, and whose keyrings or policy bring it.
    fileprivate func agents(restingOn key: Digest) async throws -> [AgentID] {
        var ids: [AgentID] = []
        try await eachAgent { entry in
            if case .success(let summary) = entry, summary.deniedKeys.contains(key) { ids.append(summary.id) }
        }
        return ids
    }
}
