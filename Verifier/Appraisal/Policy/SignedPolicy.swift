package import AssayCrypto

/// A policy in a DSSE envelope (https://github.com/secure-systems-lab/dsse, protocol and envelope 1.0.2).
package enum SignedPolicy {
    /// What is asked of a source's signature.
    enum Proof: Sendable {
        /// That one of these keys has signed. A plain policy is refused where there are any, and a signed one where there
        /// are none: nobody is to believe in a signature that nobody checks.
        case signature([PublicKey])
        /// Nothing more: it was checked when the source was put into the store, which keeps it under its SHA-256.
        case givenBefore
    }

    /// The policy's JSON, byte for byte as it was signed.
    ///
    /// - Parameters:
    ///   - source: JSON, or an envelope.
    ///   - signers: keys, one of which must have signed. A plain policy is refused where there are any, and a signed one
    ///     where there are none: nobody is to believe in a signature that nobody checks.
    package static func payload(of source: [UInt8], signers: [PublicKey]) throws(PolicyError) -> [UInt8] {
        try opened(source, .signature(signers)).payload ?? source
    }

    /// The policy's JSON, read.
    static func json(of source: [UInt8], _ proof: Proof) throws(PolicyError) -> JSON {
        let (json, payload) = try opened(source, proof)
        guard let payload else { return json }
        return try JSONParser.parse(policy: payload)
    }

    /// What a source holds. It is read once: a policy of a fleet can be tens of megabytes.
    ///
    /// - Returns: the source as JSON; and what its envelope holds, if it is one.
    private static func opened(
        _ source: [UInt8], _ proof: Proof
    ) throws(PolicyError) -> (json: JSON, payload: [UInt8]?) {
        let json = try JSONParser.parse(policy: source)
        let envelope = Envelope(json)
        switch (proof, envelope) {
        case (.signature(let signers), nil):
            guard signers.isEmpty else {
                throw PolicyError(
                    place: "policy",
                    "a signature is required (--policy-key), but this is no DSSE envelope; `assay-verifier policy sign` makes one"
                )
            }
            return (json, nil)
        case (.signature(let signers), let envelope?):
            guard !signers.isEmpty else {
                throw PolicyError(
                    place: "envelope", "the policy is signed: give the key that must have signed it (--policy-key FILE)"
                )
            }
            return (json, try envelope.verifiedPayload(by: signers))
        case (.givenBefore, let envelope): return (json, try envelope?.decodedPayload())
        }
    }

    /// What a policy's envelope says that it holds; other tools' envelopes are of the same type. What was signed as anything
    /// else was not signed as a policy.
    private static let payloadType = Array("application/vnd.keylime+json".utf8)

    /// Puts a policy into an envelope, signed.
    ///
    /// - Parameters:
    ///   - policy: its JSON, byte for byte what is signed.
    ///   - keyID: what the envelope says of the key: a hint, which nobody believes.
    ///   - sign: signs a message.
    package static func envelope<Failure: Error>(
        of policy: [UInt8], keyID: String, sign: ([UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [UInt8] {
        let signature = try sign(authenticated(policy, payloadType))
        let entry: [JSON.Member] = [
            .init("keyid", .string(Array(keyID.utf8))), .init("sig", .string(Base64.encode(signature))),
        ]
        return JSONWriter.text(
            .object([
                .init("payload", .string(Base64.encode(policy))), .init("payloadType", .string(payloadType)),
                .init("signatures", .array([.object(entry)])),
            ]))
    }

    /// What is signed: the pre-authentication encoding.
    private static func authenticated(_ payload: [UInt8], _ type: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(type.count) ".utf8) + type + Array(" \(payload.count) ".utf8) + payload
    }

    private struct Envelope {
        let payload: [UInt8]?
        let payloadType: [UInt8]
        let signatures: [[UInt8]]

        /// Nil if this isn't an envelope at all.
        init?(_ json: JSON) {
            guard case .object(let members) = json else { return nil }
            var payload: [UInt8]?
            var payloadType: [UInt8] = []
            var list: [JSON]?
            for member in members {
                switch (String(decoding: member.key, as: UTF8.self), member.value) {
                case ("payload", .string(let text)): payload = text
                case ("payloadType", .string(let text)): payloadType = text
                case ("signatures", .array(let signatures)): list = signatures
                default: continue
                }
            }
            guard let payload, let list else { return nil }
            self.payload = Base64.decode(payload)
            self.payloadType = payloadType
            signatures = list.compactMap { signature in
                guard case .object(let members) = signature,
                    case .string(let text)? = members.first(where: { $0.key == Array("sig".utf8) })?.value
                else { return nil }
                return Base64.decode(text)
            }
        }

        /// The payload, whoever signed it.
        func decodedPayload() throws(PolicyError) -> [UInt8] {
            guard let payload else { throw PolicyError(place: "envelope.payload", "base64 is expected") }
            return payload
        }

        func verifiedPayload(by signers: [PublicKey]) throws(PolicyError) -> [UInt8] {
            let payload = try decodedPayload()
            guard payloadType == SignedPolicy.payloadType else {
                let known = String(decoding: SignedPolicy.payloadType, as: UTF8.self)
                throw PolicyError(
                    place: "envelope.payloadType", "\(known) is expected, not \(quoted(payloadType)): this is no policy"
                )
            }
            guard !signatures.isEmpty else { throw PolicyError(place: "envelope.signatures", "there is none") }
            let message = SignedPolicy.authenticated(payload, payloadType)
            for signature in signatures {
                for signer in signers where verifies(signature, message, signer) { return payload }
            }
            throw PolicyError(place: "envelope.signatures", "none was made by a key that was named")
        }

        /// DSSE leaves hash and scheme to the key's owner: SHA-256 is what signers use, or the curve's own hash.
        private func verifies(_ signature: [UInt8], _ message: [UInt8], _ signer: PublicKey) -> Bool {
            let schemes: [SignatureScheme] =
                switch signer.kind {
                case .rsa: [.rsaPSS, .rsaPKCS1]
                case .ellipticCurve: [.ecdsa]
                case .moduleLattice, .other: []
                }
            for hash in [HashAlgorithm.sha256, .sha384, .sha512] {
                guard let digest = try? hash.digest(of: message) else { continue }
                for scheme in schemes
                where signer.verify(signature.span, ofDigest: digest.bytes.span, hash: hash, scheme: scheme) {
                    return true
                }
            }
            return false
        }
    }
}
