import Appraisal
import AssayCrypto
import Bytes
import TPM
import TestSupport

extension FuzzTarget {
    /// What a keyring measurement, `--key` and enrolment bring: a certificate, a key, or neither.
    static let certificate = FuzzTarget(
        name: "certificate",
        seeds: {
            var seeds = [
                try Fixtures.bytes("appraisal/tpm-object/public-ecc-storage/certificate.der"),
                try Fixtures.bytes("appraisal/policy/dsse-p521/key.pem"),
                try Fixtures.bytes("appraisal/quote/swtpm-rsa/ak.pem"),
            ]
            for pem in seeds { seeds += ((try? PEMBlock.all(in: pem)) ?? []).map(\.der) }
            return seeds
        },
        check: { bytes in
            if let certificate = try? Certificate(der: bytes), let key = try? certificate.publicKey() {
                try require(key.fingerprint == certificate.publicKeyFingerprint, "a key of another fingerprint")
            }
            if let key = try? PublicKey(encoded: bytes) {
                let again = try? PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo)
                try require(again?.fingerprint == key.fingerprint, "a key that can't be read again")
                let scheme = key.defaultScheme ?? .ecdsa
                let digest = [UInt8](repeating: 1, count: 32)
                try require(
                    !key.verify(bytes, ofDigest: digest, hash: .sha256, scheme: scheme), "a signature of chance")
            }
            _ = try? VerificationKey.all(encoded: bytes)
            _ = LearnedKey.read(bytes, record: 0, firstSeen: 0)
        })

    /// TPMS_ATTEST. Its structure states every length, so nothing can be cut off a good one.
    static let attest = FuzzTarget(
        name: "attest", seeds: { try quotes("attest.bin") },
        check: { bytes in
            guard let attest = try? Attest(bytes) else { return }
            for count in [bytes.count - 1, bytes.count / 2] where count >= 0 {
                try require((try? Attest(Array(bytes.prefix(count)))) == nil, "a cut one is read")
            }
            try require((try? Attest(bytes + [0])) == nil, "a byte too many is read")
        })

    /// TPM2B_PUBLIC and TPMT_PUBLIC, the signature and the PCR file beside them.
    static let publicArea = FuzzTarget(
        name: "public",
        seeds: { try quotes("ak.tpm2b_public") + quotes("signature.bin") + quotes("pcrs.bin") },
        check: { bytes in
            _ = try? QuoteSignature(bytes)
            _ = try? PCRFile(bytes)
            for area in [try? PublicArea(tpm2bPublic: bytes), try? PublicArea(tpmtPublic: bytes)].compactMap({ $0 }) {
                let again = try? PublicArea(tpmtPublic: area.marshalled)
                try require(again == area, "it can't be read again")
                let sized = [UInt8(area.marshalled.count >> 8), UInt8(area.marshalled.count & 255)] + area.marshalled
                try require((try? PublicArea(tpm2bPublic: sized)) == area, "it can't be read again with its length")
                if let name = try? area.name() { try require(name.count > 2, "a name without a digest") }
                if let key = try? AttestationKey(publicArea: area) {
                    try require(area.attributes.contains(.restricted), "an unrestricted key attests")
                    try require(key.publicKey.defaultScheme != nil, "a key that verifies nothing attests")
                }
            }
        })

    private static func quotes(_ file: String) throws -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for name in try Fixtures.folders(in: "appraisal/quote").prefix(40) {
            if let bytes = try? Fixtures.bytes("appraisal/quote/\(name)/\(file)"), !seeds.contains(bytes) {
                seeds.append(bytes)
            }
        }
        return seeds
    }
}
