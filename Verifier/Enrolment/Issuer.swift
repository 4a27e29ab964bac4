package import AssayCrypto
import Files
import Messages
package import Store

/// The authority that names agents and the verifier's own server, and for how long.
package struct Issuer: Sendable {
    /// Seconds that certificates last.
    package struct Lifetimes: Hashable, Sendable {
        package var agent: Int64 = 90 * 86_400
        package var server: Int64 = 90 * 86_400

        /// The defaults.
        package init() {}
    }

    /// How long an authority's own certificate lasts, in seconds: longer than a host is in service.
    private static let authorityLifetime: Int64 = 20 * 365 * 86_400

    private let authority: CertificateAuthority
    private let lifetimes: Lifetimes

    /// A new authority, its name for people's eyes.
    ///
    /// - Parameter time: seconds since 1970.
    package init(key: PrivateKey, commonName: String, at time: Int64) throws(CryptoError) {
        let life = Self.life(Self.authorityLifetime, from: time)
        authority = try CertificateAuthority(
            key: key,
            template: CertificateTemplate(
                commonName: commonName, purpose: .authority, notBefore: life.lowerBound, notAfter: life.upperBound))
        lifetimes = Lifetimes()
    }

    /// Reads an authority.
    ///
    /// - Parameter key: path of a PEM file, or an OpenSSL provider's URI.
    package init(certificateFile: String, key: String, lifetimes: Lifetimes) throws(EnrolmentError) {
        let certificate = try Self.certificates(in: certificateFile)[0]
        let privateKey = try Self.privateKey(key)
        do throws(CryptoError) {
            authority = try CertificateAuthority(certificate: certificate, key: privateKey)
        } catch {
            throw EnrolmentError(.keyUnusable, "\(certificateFile) and \(key): \(error)")
        }
        self.lifetimes = lifetimes
    }

    /// What peers trust.
    package var certificate: Certificate { authority.certificate }

    /// A certificate for an agent.
    package func issue(
        to id: AgentID, for publicKey: PublicKey, at time: Int64
    ) throws(CryptoError) -> Certificate {
        let name = String(decoding: id.bytes, as: UTF8.self)
        let life = Self.life(lifetimes.agent, from: time)
        let template = CertificateTemplate(
            commonName: name, names: [.uri("urn:assay:agent:" + name)], purpose: .client, notBefore: life.lowerBound,
            notAfter: life.upperBound)
        return try authority.issue(template, for: publicKey)
    }

    /// A certificate for the verifier's server.
    package func issue(
        toServer names: [SubjectAlternativeName], for publicKey: PublicKey, at time: Int64
    ) throws(CryptoError) -> Certificate {
        let life = Self.life(lifetimes.server, from: time)
        let template = CertificateTemplate(
            commonName: "Assay verifier", names: names, purpose: .server, notBefore: life.lowerBound,
            notAfter: life.upperBound)
        return try authority.issue(template, for: publicKey)
    }

    /// It begins in the past, for clocks that are late.
    private static func life(_ seconds: Int64, from time: Int64) -> Range<Int64> {
        time - min(3600, seconds / 10)..<time + seconds
    }

    /// The certificates of a PEM file, one at least.
    package static func certificates(in path: String) throws(EnrolmentError) -> [Certificate] {
        do {
            let text = try contents(ofFile: path, limit: 1 << 20) ?? []
            let certificates = try Certificate.all(inPEM: text)
            guard certificates.isEmpty else { return certificates }
        } catch let error as FileError {
            throw EnrolmentError(error)
        } catch {
            throw EnrolmentError(.certificateUnusable, "\(path): \(error)")
        }
        throw EnrolmentError(.certificateUnusable, "there is no certificate in \(path)")
    }

    /// A private key from a PEM file, or from a provider if the text has a URI's scheme.
    package static func privateKey(_ source: String) throws(EnrolmentError) -> PrivateKey {
        do {
            if !source.hasPrefix("/"), source.contains(":") { return try PrivateKey(uri: source) }
            guard let text = try contents(ofFile: source, limit: 1 << 16) else {
                throw EnrolmentError(.keyUnusable, "there is no private key at \(source)")
            }
            return try PrivateKey(pem: text)
        } catch let error as EnrolmentError {
            throw error
        } catch let error as FileError {
            throw EnrolmentError(error)
        } catch {
            throw EnrolmentError(.keyUnusable, "\(PrivateKey.withoutPIN(source)): \(error)")
        }
    }
}
