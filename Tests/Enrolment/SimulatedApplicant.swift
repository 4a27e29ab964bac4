import AssayCrypto
import Bytes
import Foundation
import Messages
import Store
import TPM
import TestSupport

/// A host that would like to join: keys of bytes, and whatever a test makes of its request.
struct SimulatedApplicant {
    static let secret = Secret((0..<16).map { UInt8($0) })
    static let exporter = [UInt8](repeating: 0xee, count: 32)
    static let now: Int64 = 1_800_000_000

    let key: PrivateKey
    var request: JoinRequest

    /// - Parameter tpm: hosts of another number have other keys in their TPMs.
    init(tpm: Int = 0, wishes id: String = "web-1") throws {
        key = try PrivateKey(on: .p256)
        request = JoinRequest(
            tokenHash: JoinToken.hash(of: Self.secret), agentID: Array(id.utf8),
            endorsementKeyPublic: try Self.keys.endorsement[tpm], attestationKeyPublic: try Self.keys.attestation[tpm],
            endorsementKeyCertificate: [], certificateRequest: try CertificateRequest(for: key).der, proof: [])
        try prove()
    }

    /// Proves anew what was changed.
    mutating func prove(secret: Secret = secret, exporter: [UInt8] = exporter) throws {
        request.proof = try request.proof(secret: secret, exporter: exporter)
    }

    /// TPM2B_PUBLICs.
    private struct Keys {
        let endorsement: [[UInt8]]
        let attestation: [[UInt8]]
    }

    private static var keys: Keys { get throws { try made.get() } }

    private static let made: Result<Keys, any Error> = Result {
        let endorsement = try (0..<3).map { _ in try SoftwareEndorsementKey().publicArea }
        let attestation = try (0..<3).map { _ in sized(try SyntheticTPM().publicArea.marshalled) }
        return Keys(endorsement: endorsement, attestation: attestation)
    }

    static func sized(_ area: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.sized(by: UInt16.self, area)
        return writer.bytes
    }

    /// The claim that a session would make of the request.
    func claim(at time: Int64 = now) throws -> JoinClaim {
        JoinClaim(
            tokenHash: PCRBank.sha256.digest(of: Self.secret.bytes), wishedID: request.agentID,
            endorsementKeyPublic: request.endorsementKeyPublic,
            endorsementKeyName: try PublicArea(tpm2bPublic: request.endorsementKeyPublic).name(),
            endorsementKeyCertificate: request.endorsementKeyCertificate,
            attestationKeyPublic: request.attestationKeyPublic,
            attestationKeyName: try PublicArea(tpm2bPublic: request.attestationKeyPublic).name(),
            tlsKeyFingerprint: key.publicKey.fingerprint, time: time)
    }
}
