import AssayCrypto
import Bytes
import Foundation
import TPM
import TestSupport
import Testing

/// One folder of Tests/Fixtures/appraisal/quote; its MANIFEST says what the fields mean.
struct QuoteCase: Decodable {
    struct Clock: Decodable {
        let clock: UInt64
        let resetCount: UInt32
        let restartCount: UInt32
        let safe: UInt8

        enum CodingKeys: String, CodingKey {
            case clock
            case resetCount = "reset_count"
            case restartCount = "restart_count"
            case safe
        }
    }

    struct Inputs: Decodable {
        let bank: String
        let nonceHexadecimal: String
        let previousClock: Clock?
        let hasPEM: String?

        enum CodingKeys: String, CodingKey {
            case bank
            case nonceHexadecimal = "nonce_hex"
            case previousClock = "previous_clock"
            case hasPEM = "ak_pem"
        }
    }

    struct Expected: Decodable {
        let verdict: String
        let reasons: [String]?
        let pcrs: [String: String]?
    }

    let id: String
    let inputs: Inputs
    let expected: Expected

    static let names = (try? Fixtures.folders(in: "appraisal/quote")) ?? []

    init(_ name: String) throws {
        self = try JSONDecoder().decode(
            Self.self, from: Data(Fixtures.bytes("appraisal/quote/\(name)/case.json")))
    }

    func bytes(_ file: String) throws -> [UInt8] {
        try Fixtures.bytes("appraisal/quote/\(id)/\(file)")
    }

    func attestationKey(allowsSHA1: Bool = false) throws -> AttestationKey {
        guard inputs.hasPEM == nil else { return AttestationKey(publicKey: try PublicKey(pem: bytes("ak.pem"))) }
        return try AttestationKey(
            publicArea: PublicArea(tpm2bPublic: bytes("ak.tpm2b_public")), allowsSHA1: allowsSHA1)
    }

    func quote(_ file: PCRFile) throws -> ReceivedQuote {
        ReceivedQuote(attest: try bytes("attest.bin"), signature: try bytes("signature.bin"), pcrValues: file.values)
    }

    /// Checks the case as offline appraisal does: the selection asked for is that of the PCR file.
    ///
    /// - Parameter allowsSHA1: whether old evidence is taken.
    func verify(allowsSHA1: Bool = true, requiredBank: PCRBank? = nil) throws -> VerifiedQuote {
        let file = try PCRFile(bytes("pcrs.bin"))
        return try attestationKey(allowsSHA1: allowsSHA1).verify(
            quote(file), qualifyingData: #require([UInt8](hexadecimal: inputs.nonceHexadecimal)),
            selection: file.selection, requiredBank: requiredBank ?? PCRBank(name: inputs.bank),
            allowsSHA1Signature: allowsSHA1)
    }
}

extension ClockInfo {
    init(_ clock: QuoteCase.Clock) {
        self.init(
            clock: clock.clock, resetCount: clock.resetCount, restartCount: clock.restartCount,
            isSafe: clock.safe == 1)
    }
}
