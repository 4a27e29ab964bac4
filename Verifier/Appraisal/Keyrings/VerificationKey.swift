package import AssayCrypto
internal import Bytes

/// A key that the policy or the operator brings, to verify files' signatures. It is on no keyring.
package struct VerificationKey: Sendable {
    /// The id by which a signature names it.
    package let keyID: KeyID
    /// The key; nil if it is of a kind that libcrypto can't use: a signature that names it is `unsupported_key`.
    package let publicKey: PublicKey?
    /// The certificate, or the SubjectPublicKeyInfo of a bare key.
    package let der: [UInt8]

    private init(keyID: KeyID, publicKey: PublicKey?, der: [UInt8]) {
        self.keyID = keyID
        self.publicKey = publicKey?.isUsable == true ? publicKey : nil
        self.der = der
    }

    /// A key or certificate, PEM or DER. Of a PEM file the first block that is either.
    package init(encoded bytes: [UInt8]) throws(CryptoError) {
        guard let key = try Self.all(encoded: bytes).first else {
            self = try Self(bare: bytes)
            return
        }
        self = key
    }

    /// Every key and certificate of a PEM file, or the one in DER.
    package static func all(encoded bytes: [UInt8]) throws(CryptoError) -> [VerificationKey] {
        var result: [VerificationKey] = []
        for block in try PEMBlock.all(in: bytes) {
            switch block.label {
            case "CERTIFICATE", "X509 CERTIFICATE": result.append(try VerificationKey(certificate: block.der))
            case "PUBLIC KEY": result.append(try Self(bare: block.der))
            case "RSA PUBLIC KEY":
                result.append(try Self(bare: PublicKey(pem: bytes).subjectPublicKeyInfo))
            default: continue
            }
        }
        if !result.isEmpty { return result }
        if let key = try? VerificationKey(certificate: bytes) { return [key] }
        return [try Self(bare: PublicKey.info(encoded: bytes))]
    }

    /// The same key under an id that its owner states.
    func named(_ id: KeyID) -> VerificationKey { VerificationKey(keyID: id, publicKey: publicKey, der: der) }

    private init(certificate der: [UInt8]) throws(CryptoError) {
        let certificate = try Certificate(der: der)
        let info = certificate.subjectPublicKeyInfo
        let standard = try PublicKey.keyID(ofSubjectPublicKeyInfo: info)
        self.init(keyID: certificate.keyID ?? standard, publicKey: try Self.key(info), der: der)
    }

    private init(bare info: [UInt8]) throws(CryptoError) {
        let id = try PublicKey.keyID(ofSubjectPublicKeyInfo: info)
        self.init(keyID: id, publicKey: try Self.key(info), der: info)
    }

    /// Nil for a kind of key that libcrypto doesn't know.
    private static func key(_ info: [UInt8]) throws(CryptoError) -> PublicKey? {
        do throws(CryptoError) {
            return try PublicKey(subjectPublicKeyInfo: info)
        } catch {
            guard error.code == .unsupported else { throw error }
            return nil
        }
    }
}

/// Reads the text of a policy's `verification-keys`.
enum VerificationKeyText {
    /// What a policy's author should know of its keys.
    static func warnings(_ keys: [VerificationKey]) -> [PolicyError.Fault] {
        keys.filter { $0.publicKey == nil }.map { key in
            let info = (try? Certificate(der: key.der))?.subjectPublicKeyInfo ?? key.der
            let kind =
                MLDSA(subjectPublicKeyInfo: info).map { "of \($0) (\(MLDSA.requirement))" }
                ?? "of a kind that OpenSSL \(Libcrypto.version) can't use"
            return .init(
                place: "verification-keys", message: "key \(key.keyID) is \(kind): its signatures are unsupported_key")
        }
    }

    /// PEM, base64 of DER, or JSON: `{pubkeys: [base64], keyids: [number]}`, in which the ids stated count.
    static func read(_ text: [UInt8]) throws(PolicyError) -> [VerificationKey] {
        let trimmed = text.drop { $0 == 0x20 || $0 == 0x0a || $0 == 0x0d || $0 == 0x09 }
        guard let first = trimmed.first else { return [] }
        if first == UInt8(ascii: "{") { return try json(Array(trimmed)) }
        let place = "verification-keys"
        let encoded = first == UInt8(ascii: "-") ? text : Base64.decode(text)
        guard let encoded, !encoded.isEmpty else {
            throw PolicyError(place: place, "PEM, base64 of a DER key, or JSON with pubkeys and keyids is expected")
        }
        do {
            return try VerificationKey.all(encoded: encoded)
        } catch {
            throw PolicyError(place: place, "no key that can be used: \(error)")
        }
    }

    private static func json(_ text: [UInt8]) throws(PolicyError) -> [VerificationKey] {
        let place = "verification-keys"
        guard let json = try? JSONParser.parse(text), case .object(let members) = json,
            case .array(let keys)? = members.first(where: { $0.key == Array("pubkeys".utf8) })?.value
        else { throw PolicyError(place: place, "JSON with a list pubkeys is expected") }
        var ids: [JSON]?
        if case .array(let list)? = members.first(where: { $0.key == Array("keyids".utf8) })?.value { ids = list }
        guard ids.map({ $0.count == keys.count }) ?? true else {
            throw PolicyError(place: "\(place).keyids", "\(keys.count) ids are expected, one for each key")
        }
        var result: [VerificationKey] = []
        for (index, key) in keys.enumerated() {
            let place = "\(place).pubkeys[\(index)]"
            guard case .string(let base64) = key, let der = Base64.decode(base64),
                let verificationKey = try? VerificationKey(encoded: der)
            else { throw PolicyError(place: place, "base64 of a DER key that can be used is expected") }
            guard let ids else {
                result.append(verificationKey)
                continue
            }
            guard case .integer(let number) = ids[index], let id = UInt32(exactly: number) else {
                throw PolicyError(place: "verification-keys.keyids[\(index)]", "a number of 32 bits is expected")
            }
            result.append(verificationKey.named(KeyID(id)))
        }
        return result
    }
}
