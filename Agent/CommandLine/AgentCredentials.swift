import AssayCrypto
import Attester
import Files
import Messages
import Terminal
import Transport

/// The agent's certificate and its private key, in files.
struct AgentCredentials: Sendable {
    /// PEM: the certificate, then its chain.
    let certificateFile: String
    /// PEM, readable by its owner alone.
    let keyFile: String

    private static let fileLimit = 1 << 20

    init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }

    init(_ credentials: TLSContext.Credentials) {
        self.init(certificateFile: credentials.certificateChainFile, keyFile: credentials.privateKeyFile)
    }

    /// The agent's certificate.
    ///
    /// - Parameter time: seconds since 1970.
    /// - Throws: a failure that names the next step if there is none, or if it has expired.
    func certificate(at time: Int64) throws(CommandFailure) -> Certificate {
        let own: Certificate
        do {
            own = try read()
        } catch {
            throw .usage(error)
        }
        guard let end = own.notAfter, end >= time else {
            let name = own.commonName.map { " --id \($0)" } ?? ""
            throw CommandFailure(
                .unavailable,
                "the certificate in \(certificateFile) has expired; have this host invited again (assay-verifier invite"
                    + "\(name)), and run assay-agent join")
        }
        return own
    }

    /// How the certificate is renewed, for the same key.
    ///
    /// - Parameter time: seconds since 1970.
    func renewal(time: @escaping @Sendable () -> Int64) -> CertificateRenewal {
        CertificateRenewal {
            guard try read().isDueForRenewal(at: time()) else { return nil }
            return RenewRequest(certificateRequest: try CertificateRequest(for: try key()).der)
        } accept: { issued in
            guard !issued.certificates.isEmpty else { return }
            try CertificateRenewal.check(issued, for: try read().publicKey())
            try write(issued)
        }
    }

    /// The private key; made if there is none yet.
    func makeKey() throws -> PrivateKey {
        if exists(keyFile) { return try key() }
        let key = try PrivateKey(on: .p256)
        try replaceFile(at: keyFile, with: try key.pem(), mode: 0o600)
        return key
    }

    /// Puts a certificate and its chain in place of the old ones.
    func write(_ issued: CertificateIssued) throws {
        let text = try issued.certificates.map { try Certificate(der: $0).pem() }
        try replaceFile(at: certificateFile, with: Array(text.joined()), mode: 0o644)
    }

    private func read() throws -> Certificate {
        guard let text = try contents(ofFile: certificateFile, limit: Self.fileLimit) else {
            throw CommandFailure(
                .usage,
                "there is no certificate at \(certificateFile) (tls.certificate); have this host invited with "
                    + "`assay-verifier invite`, and run `assay-agent join`")
        }
        guard let own = try Certificate.all(inPEM: text).first else {
            throw CommandFailure(.usage, "\(certificateFile) holds no certificate; see tls.certificate")
        }
        return own
    }

    private func key() throws -> PrivateKey {
        do {
            return try PrivateKey(pem: try contents(ofFile: keyFile, limit: Self.fileLimit) ?? [])
        } catch let error as CryptoError {
            throw CommandFailure(
                .unavailable, "\(keyFile): \(error); restore the file from a backup, or remove it and join again")
        }
    }
}
