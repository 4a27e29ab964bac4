import AssayCrypto
import Attester
import Bytes
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

    /// The agent's certificate. One that isn't valid yet is for the verifier to judge, whose clock may be the better one.
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
        switch own.validity(at: time) {
        case .valid, .future: return own
        case .past, .unreadable:
            let name = own.commonName.map { " --id \(shellQuoted($0.utf8))" } ?? ""
            throw CommandFailure(
                .unavailable,
                "the certificate in \(certificateFile) has expired; have this host invited again (assay-verifier invite"
                    + "\(name)), and run assay-agent join")
        }
    }

    /// The id that the certificate has; nil if there is none that names an agent.
    var agentID: [UInt8]? {
        guard let own = try? read() else { return nil }
        return try? PeerIdentity(own.subjectAlternativeNames).bytes
    }

    /// Why the verifier may refuse the certificate although it hasn't expired; nil if there is no reason for it.
    ///
    /// - Parameter time: seconds since 1970.
    func doubt(at time: Int64) -> String? {
        guard let own = try? read(), case .future = own.validity(at: time), let fault = own.fault(at: time) else {
            return nil
        }
        return "this host's certificate \(fault): either this host's clock is behind, or the certificate was issued "
            + "while the verifier's was ahead; then have this host invited again and join again"
    }

    /// How the certificate is renewed, for the same key.
    ///
    /// - Parameter time: seconds since 1970.
    func renewal(time: @escaping @Sendable () -> Int64) -> CertificateRenewal {
        let schedule = RenewalSchedule()
        return CertificateRenewal {
            guard schedule.isDue(try read(), at: time()) else { return nil }
            return RenewRequest(certificateRequest: try CertificateRequest(for: try key()).der)
        } accept: { issued in
            guard !issued.certificates.isEmpty else { return }
            let now = time()
            let own = try CertificateRenewal.check(issued, for: try read().publicKey(), at: now)
            try write(issued)
            schedule.renewed(own, at: now)
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
