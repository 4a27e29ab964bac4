package import AssayCrypto
package import Bytes
import Files

/// The verifier's own certificate, in files: made by `init`, renewed before it ends, for the same key and names.
package struct ServerCertificate: Sendable {
    /// PEM: the certificate, then its authority's, from which a host that joins picks the one that its token names.
    package let chainFile: String
    /// PEM: the private key.
    package let keyFile: String

    /// Names both files.
    package init(chainFile: String, keyFile: String) {
        self.chainFile = chainFile
        self.keyFile = keyFile
    }

    /// Makes key and certificate.
    package func make(_ names: [SubjectAlternativeName], by issuer: Issuer, at time: Int64) throws {
        let key = try PrivateKey(on: .p256)
        try replaceFile(at: keyFile, with: try key.pem(), mode: 0o600)
        try write(try issuer.issue(toServer: names, for: key.publicKey, at: time), by: issuer)
    }

    /// Issues the certificate anew if two thirds of its life are over, if it isn't valid yet, as one isn't that was issued
    /// while the clock was ahead, if another authority issued it, or if it lacks a name.
    ///
    /// - Parameter host: what hosts dial; nil if nobody says.
    /// - Returns: whether it did.
    package func renewIfDue(by issuer: Issuer, naming host: HostName? = nil, at time: Int64) throws -> Bool {
        let chain = try Issuer.certificates(in: chainFile)
        let isOwn = chain.dropFirst().contains { $0.der == issuer.certificate.der }
        guard let current = chain.first else { return false }
        let names = current.subjectAlternativeNames
        let missing = host.flatMap { host in names.contains { $0.covers(host) } ? nil : host }
        guard
            !isOwn || missing != nil || current.isDueForRenewal(at: time) || current.validity(at: time) != .valid
        else { return false }
        let added = missing.map { [SubjectAlternativeName(host: $0.description)] } ?? []
        let renewed = try issuer.issue(toServer: names + added, for: try current.publicKey(), at: time)
        try write(renewed, by: issuer)
        return true
    }

    private func write(_ certificate: Certificate, by issuer: Issuer) throws {
        try replaceFile(at: chainFile, with: try certificate.pem() + issuer.certificate.pem(), mode: 0o644)
    }
}
