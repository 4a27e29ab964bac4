internal import Bytes
internal import COpenSSL
internal import Glibc

/// An X.509 certificate, read once and kept as plain values.
///
/// Nothing is judged here: validity, issuer, key usage and the signature on it play no part when a key is learned, for
/// the kernel judged them when it loaded the key. TLS judges the peers' certificates by itself.
package struct Certificate: Hashable, Sendable {
    /// The whole certificate.
    package let der: [UInt8]
    /// SHA-256 of ``der``.
    package let fingerprint: Digest
    /// The SubjectPublicKeyInfo as the certificate holds it.
    package let subjectPublicKeyInfo: [UInt8]
    /// The subject key identifier; nil if the certificate has none that can be read.
    package let subjectKeyIdentifier: [UInt8]?
    /// The id by which a signature names this certificate's key: of the subject key identifier if there is one, and
    /// then only that, as the kernel does it; else of SHA-1 over the key's bits. Nil if the identifier is shorter than
    /// four bytes: then nothing can name the key.
    package let keyID: KeyID?
    /// The subject's first common name; nil if there is none, or none that can be read.
    package let commonName: String?
    /// Seconds since 1970; nil for a time that cannot be read.
    package let notBefore: Int64?
    /// Seconds since 1970; nil for a time that cannot be read.
    package let notAfter: Int64?
    /// Empty if the extension is missing or broken.
    package let subjectAlternativeNames: [SubjectAlternativeName]

    /// Reads one certificate.
    ///
    /// - Throws: ``CryptoError`` with `.malformed` for other bytes, or bytes left over.
    package init(der: [UInt8]) throws(CryptoError) {
        guard let parsed = ParsedCertificate(der) else { throw CryptoError(.malformed, "read a certificate") }
        guard let info = parsed.subjectPublicKeyInfo, let bits = parsed.subjectPublicKeyBits else {
            throw CryptoError(.malformed, "read a certificate's public key")
        }
        self.der = der
        fingerprint = PCRBank.sha256.digest(of: der)
        subjectPublicKeyInfo = info
        subjectKeyIdentifier = parsed.subjectKeyIdentifier
        keyID = KeyID(lastBytesOf: parsed.subjectKeyIdentifier ?? PCRBank.sha1.digest(of: bits).bytes)
        commonName = parsed.commonName
        notBefore = parsed.notBefore
        notAfter = parsed.notAfter
        subjectAlternativeNames = parsed.subjectAlternativeNames
    }

    /// Every certificate of a PEM file, in order; other blocks are skipped.
    package static func all(inPEM text: [UInt8]) throws(CryptoError) -> [Certificate] {
        var certificates: [Certificate] = []
        for block in try PEMBlock.all(in: text) where ["CERTIFICATE", "X509 CERTIFICATE"].contains(block.label) {
            certificates.append(try Certificate(der: block.der))
        }
        return certificates
    }

    /// Decodes the key. It costs as much as several verifications: keep it.
    ///
    /// - Throws: ``CryptoError`` with `.unsupported` for a type of key that this libcrypto doesn't know.
    package func publicKey() throws(CryptoError) -> PublicKey {
        try PublicKey(subjectPublicKeyInfo: subjectPublicKeyInfo)
    }

    /// Issuer and serial number as the certificate has them, one behind the other: by these bytes a PKCS#7 signature
    /// names its signer (RFC 5652, 10.2.4). Empty if they can't be found.
    package var issuerAndSerial: [UInt8] {
        do throws(DERError) {
            var file = DERReader(der.span)
            var certificate = try file.enter(.sequence)
            var content = try certificate.enter(.sequence)
            if content.isNext(.contextSpecific(0)) { _ = try content.element() }
            let serial = try content.element(.integer)
            _ = try content.element(.sequence)
            let issuer = try content.element(.sequence)
            return [UInt8](copying: issuer.whole) + [UInt8](copying: serial.whole)
        } catch {
            return []
        }
    }

    /// SHA-256 of ``subjectPublicKeyInfo`` as it stands here; ``PublicKey/fingerprint`` is what an operator denies, and the
    /// same unless the certificate writes its key in an unusual form.
    package var publicKeyFingerprint: Digest { PCRBank.sha256.digest(of: subjectPublicKeyInfo) }

    /// The certificate as a PEM file has it.
    package func pem() throws(CryptoError) -> [UInt8] { try PEMBlock(label: "CERTIFICATE", der: der).encoded() }

    /// Whether a certificate counts at a time.
    package enum Validity: Hashable, Sendable {
        /// It does.
        case valid
        /// Only from a time on, in seconds since 1970.
        case future(from: Int64)
        /// No more, since a time, in seconds since 1970.
        case past(since: Int64)
        /// Its validity can't be read: TLS refuses it.
        case unreadable
    }

    /// Whether it counts at a time.
    ///
    /// - Parameter time: seconds since 1970; both ends are part of its validity (RFC 5280, 4.1.2.5).
    package func validity(at time: Int64) -> Validity {
        guard let notBefore, let notAfter else { return .unreadable }
        if time < notBefore { return .future(from: notBefore) }
        return time > notAfter ? .past(since: notAfter) : .valid
    }

    /// Why it doesn't count at a time, such as `is valid only in 3 days`; nil if it does.
    ///
    /// - Parameter time: seconds since 1970.
    package func fault(at time: Int64) -> String? {
        switch validity(at: time) {
        case .valid: nil
        case .future(let start): "is valid only in \(Self.days(start - time))"
        case .past(let end): "has been invalid for \(Self.days(time - end))"
        case .unreadable: "has no end that can be read"
        }
    }

    /// `12 days`, or hours below two days.
    package static func days(_ seconds: Int64) -> String {
        let hours = max(1, seconds / 3600)
        return hours < 48 ? "\(hours) \(hours == 1 ? "hour" : "hours")" : "\(hours / 24) days"
    }

    /// Whether two thirds of its life are over: time to ask for the next, with a third left for when that fails.
    ///
    /// - Parameter time: seconds since 1970.
    package func isDueForRenewal(at time: Int64) -> Bool {
        guard let notBefore, let notAfter, notBefore < notAfter else { return true }
        return time >= notBefore + (notAfter - notBefore) / 3 * 2
    }
}

/// One of a certificate's names.
package enum SubjectAlternativeName: Hashable, Sendable {
    /// A host's name.
    case dns(String)
    /// A URI.
    case uri(String)
    /// An address: 4 bytes or 16.
    case ip([UInt8])
    /// A kind of name that nothing here compares, such as a directory name.
    case other

    /// The name of a host: an address if it is one, else a DNS name.
    package init(host: String) {
        var address = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, host, &address) == 1 {
            self = .ip(Array(address.prefix(4)))
        } else if inet_pton(AF_INET6, host, &address) == 1 {
            self = .ip(address)
        } else {
            self = .dns(host)
        }
    }
}
