import AssayCrypto
import Bytes

/// What an agent joined with: its TPM's endorsement key, and the certificates that were issued to it.
package struct AgentIdentity: Hashable, Sendable {
    /// Certificates that are kept, the newest: an agent uses one, and the next from two thirds of its life on.
    package static let maximumCertificates = 8

    /// The endorsement key's public area, a TPM2B_PUBLIC.
    package var endorsementKeyPublic: [UInt8]
    /// The TPM's name for the endorsement key.
    package var endorsementKeyName: [UInt8]
    /// The certificate of the TPM's maker, X.509 DER, as the agent sent it and unchecked; empty if it sent none.
    package var endorsementKeyCertificate: [UInt8]
    /// When it joined, in seconds since 1970.
    package var joinedAt: Int64
    /// X.509 DER of the certificates that it may connect with, the newest last.
    package var certificates: [[UInt8]]

    /// What an agent joined with.
    package init(
        endorsementKeyPublic: [UInt8], endorsementKeyName: [UInt8], endorsementKeyCertificate: [UInt8],
        joinedAt: Int64, certificates: [[UInt8]]
    ) {
        self.endorsementKeyPublic = endorsementKeyPublic
        self.endorsementKeyName = endorsementKeyName
        self.endorsementKeyCertificate = endorsementKeyCertificate
        self.joinedAt = joinedAt
        self.certificates = certificates
    }

    /// Adds a certificate; of the others the oldest go, but never `current`.
    mutating func add(_ certificate: [UInt8], keeping current: [UInt8]) {
        certificates.append(certificate)
        while certificates.count > Self.maximumCertificates,
            let oldest = certificates.firstIndex(where: { $0 != current })
        {
            certificates.remove(at: oldest)
        }
    }

    /// The newest certificate for a key that is valid at a time, in seconds since 1970; nil if there is none.
    func certificate(for publicKeyFingerprint: Digest, at time: Int64) -> [UInt8]? {
        certificates.last { der in
            guard let certificate = try? Certificate(der: der) else { return false }
            return certificate.publicKeyFingerprint == publicKeyFingerprint && certificate.validity(at: time) == .valid
        }
    }
}

extension AgentIdentity: StoredValue {
    static let layout: UInt8 = 1

    init(reading reader: inout ByteReader) throws {
        endorsementKeyPublic = try reader.field()
        endorsementKeyName = try reader.field()
        endorsementKeyCertificate = try reader.field()
        joinedAt = try reader.time()
        certificates = try reader.list { try $0.field() }
    }

    func write(to writer: inout ByteWriter) {
        writer.field(endorsementKeyPublic)
        writer.field(endorsementKeyName)
        writer.field(endorsementKeyCertificate)
        writer.time(joinedAt)
        writer.list(certificates) { $0.field($1) }
    }
}
