import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Terminal

/// Signs a policy.
struct PolicySignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Put a policy into a signed envelope (DSSE).",
        discussion: """
            The policy is checked first: one that doesn't load is not signed.

              assay-verifier policy sign web.json --key policy.key --out web.dsse.json
              assay-verifier policy put web web.dsse.json --policy-key policy.pub
            """)

    @Argument(help: "The policy.", completion: .file())
    var file: String

    @Option(
        help: ArgumentHelp("PEM of the private key, RSA or ECDSA, without a passphrase.", valueName: "file"),
        completion: .file())
    var key: String

    @Option(
        help: ArgumentHelp(
            "The key's certificate: checked to be the key's, and named in the envelope.", valueName: "file"),
        completion: .file())
    var certificate: String?

    @Option(
        help: ArgumentHelp("Where to write the envelope; else to standard output.", valueName: "file"),
        completion: .file())
    var out: String?

    func run() throws {
        try makingPolicy {
            let source = try contents(file)
            let check = PolicyCheck(source: source)
            for warning in check.warnings { Output.notice("warning: \(warning)") }
            guard check.faults.isEmpty else { throw PolicyError(check.faults) }
            let privateKey = try reading(key, remedy: "give a private key, PEM, without a passphrase") {
                try PrivateKey(pem: try contents(key))
            }
            let envelope = try SignedPolicy.envelope(of: source, keyID: try keyID(of: privateKey.publicKey)) {
                message in
                try privateKey.sign(PCRBank.sha256.digest(of: message), .sha256)
            }
            try writePolicy(envelope, to: out)
        }
    }

    /// SHA-256 of the certificate, or of the SubjectPublicKeyInfo: a hint for people, which nobody believes.
    private func keyID(of key: PublicKey) throws -> String {
        guard let certificate else { return key.fingerprint.description }
        let encoded = try contents(certificate)
        let found = try reading(certificate, remedy: "give a certificate, PEM or DER") {
            try Certificate.all(inPEM: encoded).first ?? Certificate(der: encoded)
        }
        guard found.subjectPublicKeyInfo == key.subjectPublicKeyInfo else {
            throw CommandFailure(.usage, "\(certificate): the certificate is another key's")
        }
        return found.fingerprint.description
    }
}
