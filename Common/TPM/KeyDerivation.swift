import AssayCrypto
import Bytes

/// The TPM's own ways of deriving keys (TPM 2.0 Part 1, 11.4.10), from SP 800-108 and SP 800-56A.
///
/// A label is counted with the NUL behind it.
enum KeyDerivation {
    /// KDFa: a key from a key, HMAC in counter mode.
    ///
    /// - Parameter bits: a multiple of 8.
    static func keyed(
        _ hash: HashAlgorithm, key: [UInt8], label: String, _ contextU: [UInt8] = [], _ contextV: [UInt8] = [],
        bits: Int
    ) throws(CryptoError) -> [UInt8] {
        var output: [UInt8] = []
        while output.count < bits / 8 {
            var message = ByteWriter()
            message.integer(UInt32(output.count / hash.digestSize + 1))
            message.raw(label.utf8)
            message.u8(0)
            message.raw(contextU)
            message.raw(contextV)
            message.integer(UInt32(bits))
            output += try hash.authenticationCode(key: key, message.bytes).bytes
        }
        return Array(output.prefix(bits / 8))
    }

    /// KDFe: a key as long as the hash, from a secret that two owners of keys agreed on.
    static func agreed(
        _ hash: HashAlgorithm, secret: [UInt8], label: String, partyU: [UInt8], partyV: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        var message = ByteWriter()
        message.integer(UInt32(1))
        message.raw(secret)
        message.raw(label.utf8)
        message.u8(0)
        message.raw(partyU)
        message.raw(partyV)
        return try hash.digest(of: message.bytes).bytes
    }
}
