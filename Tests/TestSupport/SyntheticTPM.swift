package import AssayCrypto
internal import Bytes
internal import COpenSSL
package import TPM

/// A TPM of bytes: an attestation key on P-256, counters that a test sets, and quotes over whatever values it is given.
///
/// For tests of what follows a quote; that real TPMs' quotes verify is shown with real TPMs' quotes.
package final class SyntheticTPM: @unchecked Sendable {
    // Sendable: the key is never changed after init, and libcrypto's contexts are made for each signature.
    private let key: OpaquePointer
    /// The attestation key's public part (TPMT_PUBLIC).
    package let publicArea: PublicArea
    private let hash: HashAlgorithm

    /// Why there is none.
    package struct Failure: Error {
        /// The call that failed.
        package let call: String
    }

    /// Makes a TPM with a fresh key.
    ///
    /// - Parameters:
    ///   - nameAlgorithm: what the key's name is made with.
    ///   - hash: what it signs with, SHA-1 or SHA-256.
    package init(nameAlgorithm: AlgorithmID = .sha256, hash: HashAlgorithm = .sha256) throws {
        self.hash = hash
        let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
        defer { EVP_PKEY_CTX_free(context) }
        var generated: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
            EVP_PKEY_generate(context, &generated) == 1, let key = generated
        else { throw Failure(call: "EVP_PKEY_generate") }
        self.key = key
        var point = [UInt8](repeating: 0, count: 65)
        var count = 0
        guard EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, &point, point.count, &count) == 1,
            count == point.count
        else {
            EVP_PKEY_free(key)
            throw Failure(call: "EVP_PKEY_get_octet_string_param")
        }
        do {
            publicArea = try PublicArea(
                tpmtPublic: PublicAreaBytes.ellipticCurve(
                    nameAlgorithm: nameAlgorithm, hash: hash == .sha1 ? .sha1 : .sha256, x: Array(point[1..<33]),
                    y: Array(point[33..<65])))
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
    }

    deinit {
        EVP_PKEY_free(key)
    }

    /// The attestation key as a verifier has it.
    package func attestationKey(allowsSHA1: Bool = false) throws(QuoteError) -> AttestationKey {
        try AttestationKey(publicArea: publicArea, allowsSHA1: allowsSHA1)
    }

    /// Quotes.
    ///
    /// - Parameter values: what the PCRs hold; those of the selection must be there.
    package func quote(
        qualifyingData: [UInt8], selection: PCRSelection, values: PCRValues, clock: ClockInfo
    ) throws -> ReceivedQuote {
        try quote(qualifyingData: qualifyingData, selected: selection.banks, values: values, clock: clock)
    }

    /// Quotes what no selection of ours would be: a bank twice, say, or empty.
    package func quote(
        qualifyingData: [UInt8], selected: [PCRSelection.Bank], values: PCRValues, clock: ClockInfo
    ) throws -> ReceivedQuote {
        let attest = try attest(qualifyingData, selected, values, clock)
        return ReceivedQuote(attest: attest, signature: try sign(attest), pcrValues: values)
    }

    /// TPMS_ATTEST with TPMS_QUOTE_INFO (TPM 2.0 Part 2, 10.12.8 and 10.12.1).
    private func attest(
        _ qualifyingData: [UInt8], _ selected: [PCRSelection.Bank], _ values: PCRValues, _ clock: ClockInfo
    ) throws -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(0xff54_4347 as UInt32)
        writer.integer(0x8018 as UInt16)
        writer.sized(by: UInt16.self, [UInt8](repeating: 0x0b, count: 34))  // the signer's qualified name
        writer.sized(by: UInt16.self, qualifyingData)
        writer.integer(clock.clock)
        writer.integer(clock.resetCount)
        writer.integer(clock.restartCount)
        writer.u8(clock.isSafe ? 1 : 0)
        writer.integer(0x0102_0304_0506_0708 as UInt64)  // the firmware's version
        writer.integer(UInt32(selected.count))
        var quoted: [UInt8] = []
        for bank in selected {
            writer.integer(bank.bank.rawValue)
            writer.u8(3)
            for byte in 0..<3 { writer.u8(UInt8(truncatingIfNeeded: bank.pcrs.rawValue >> UInt32(8 * byte))) }
            for pcr in bank.pcrs.indices { quoted += values[bank.bank, pcr]?.bytes ?? [] }
        }
        writer.sized(by: UInt16.self, try hash.digest(of: quoted).bytes)
        return writer.bytes
    }

    /// ECDSA's two numbers in DER, as `tpm2_quote -f plain` writes them.
    package func plainSignature(_ bytes: [UInt8]) throws -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        var der = [UInt8](repeating: 0, count: 80)
        var count = der.count
        guard EVP_DigestSignInit(context, nil, hash == .sha1 ? EVP_sha1() : EVP_sha256(), nil, key) == 1,
            EVP_DigestSign(context, &der, &count, bytes, bytes.count) == 1
        else { throw Failure(call: "EVP_DigestSign") }
        return Array(der.prefix(count))
    }

    /// TPMT_SIGNATURE: ECDSA (TPM 2.0 Part 2, 11.3.4).
    private func sign(_ bytes: [UInt8]) throws -> [UInt8] {
        let der = try plainSignature(bytes)
        var reader = ByteReader(der.span)
        var writer = ByteWriter()
        writer.integer(AlgorithmID.ecdsa.rawValue)
        writer.integer((hash == .sha1 ? AlgorithmID.sha1 : .sha256).rawValue)
        // SEQUENCE of two INTEGERs, all of them shorter than 128 bytes.
        _ = try reader.array(2)
        for _ in 0..<2 {
            _ = try reader.u8()
            let length = Int(try reader.u8())
            let number = try reader.array(length)
            writer.sized(by: UInt16.self, Array(number.drop { $0 == 0 }))
        }
        return writer.bytes
    }
}
