import AssayCrypto
import Bytes
import TPM
import TestSupport
import Testing

@Suite("The quote: fixture cases") struct QuoteCaseTests {
    @Test("are all here")
    func count() {
        #expect(QuoteCase.names.count == 27)
    }

    /// What a case expects of the log or of data in another PCR is not the quote's: then the quote itself holds.
    @Test("give their verdict and reason", arguments: QuoteCase.names)
    func verdict(name: String) throws {
        let fixture = try QuoteCase(name)
        let words = Set(QuoteError.Code.allCases.map(\.rawValue))
        let reasons = Set(fixture.expected.reasons ?? []).intersection(words)
        if reasons.isEmpty {
            let quote = try fixture.verify()
            if let clock = fixture.inputs.previousClock {
                _ = try ClockRelation.relation(previous: ClockInfo(clock), now: quote.clockInfo)
            }
            let bank = try #require(PCRBank(name: fixture.inputs.bank))
            for (index, value) in fixture.expected.pcrs ?? [:] {
                #expect(quote.pcrValues[bank, try #require(Int(index))]?.description == value)
            }
        } else {
            let error = #expect(throws: QuoteError.self) {
                let quote = try fixture.verify()
                let clock = try #require(fixture.inputs.previousClock)
                _ = try ClockRelation.relation(previous: ClockInfo(clock), now: quote.clockInfo)
            }
            #expect(reasons.contains(try #require(error).reason))
        }
    }

    @Test(
        "signed with SHA-1 pass offline and are refused in a session",
        arguments: ["alg-rsassa-sha1", "alg-ecdsa-p256-sha1"])
    func sha1(name: String) throws {
        let error = #expect(throws: QuoteError.self) { try QuoteCase(name).verify(allowsSHA1Signature: false) }
        #expect(error?.code == .badAttestationKey)
        // The bank's hash and the signature's are different things.
        _ = try QuoteCase("alg-sha1bank-sha256sig").verify(allowsSHA1Signature: false)
    }

    @Test("of another bank than demanded are wrong_bank")
    func wrongBank() throws {
        let error = #expect(throws: QuoteError.self) { try QuoteCase("clk-ok").verify(requiredBank: .sha1) }
        #expect(error?.code == .wrongBank)
    }
}

@Suite("The quote: checks") struct QuoteCheckTests {
    private let selection = PCRSelection(banks: [.sha256], pcrs: PCRSet([16]))

    /// The real quote of PCR 16, and its nonce.
    private func good() throws -> (key: AttestationKey, quote: ReceivedQuote, nonce: [UInt8]) {
        let fixture = try QuoteCase("up-good")
        return (
            try fixture.attestationKey, try fixture.quote(PCRFile(fixture.bytes("pcrs.bin"))),
            try #require([UInt8](hexadecimal: fixture.inputs.nonceHexadecimal))
        )
    }

    private func code(
        _ quote: ReceivedQuote, nonce: [UInt8], selection: PCRSelection? = nil, key: AttestationKey
    ) -> QuoteError.Code? {
        do throws(QuoteError) {
            _ = try key.verify(
                quote, qualifyingData: nonce, selection: selection ?? self.selection, allowsSHA1Signature: false)
            return nil
        } catch { return error.code }
    }

    @Test("accept RSAPSS of any salt under a bare key, and no scheme but the one a public area fixes")
    func schemes() throws {
        var (_, quote, nonce) = try good()
        let info = try #require([UInt8](hexadecimal: PSSVector.subjectPublicKeyInfo))
        let publicKey = try PublicKey(subjectPublicKeyInfo: info)
        let modulus = Array(info.dropLast(5).suffix(256))
        for signature in [PSSVector.longestSalt, PSSVector.saltOfDigestSize] {
            quote.signature = [0, 0x16, 0, 0x0b, 1, 0] + (try #require([UInt8](hexadecimal: signature)))
            #expect(code(quote, nonce: nonce, key: AttestationKey(publicKey: publicKey)) == nil)
            for (scheme, expected) in [(AlgorithmID.rsapss, nil), (.rsassa, QuoteError.Code.badQuoteSignature)] {
                let area = PublicAreaBytes.rsa(scheme: scheme, modulus: modulus)
                let key = try AttestationKey(publicArea: PublicArea(tpmtPublic: area))
                #expect(code(quote, nonce: nonce, key: key) == expected)
            }
            quote.signature[1] = 0x14
            #expect(code(quote, nonce: nonce, key: AttestationKey(publicKey: publicKey)) == .badQuoteSignature)
        }
    }

    @Test("compare the qualifying data in full")
    func nonce() throws {
        let (key, quote, nonce) = try good()
        #expect(code(quote, nonce: nonce, key: key) == nil)
        for other in [[], Array(nonce.dropLast()), nonce + [0], nonce.reversed()] {
            #expect(code(quote, nonce: other, key: key) == .nonceMismatch)
        }
    }

    @Test("compare the signed selection with the one asked for")
    func selectionAskedFor() throws {
        let (key, quote, nonce) = try good()
        let others = [
            PCRSelection(banks: [.sha256], pcrs: PCRSet([16, 17])), PCRSelection(banks: [.sha256], pcrs: PCRSet([10])),
            PCRSelection(banks: [.sha1], pcrs: PCRSet([16])),
            PCRSelection(banks: [.sha256, .sha1], pcrs: PCRSet([16])),
        ]
        for other in others { #expect(code(quote, nonce: nonce, selection: other, key: key) == .pcrSelectionMismatch) }
        #expect(code(quote, nonce: nonce, selection: PCRSelection([]), key: key) == .pcrDigestMismatch)
    }

    @Test("prove the stated values, and keep no others")
    func values() throws {
        var (key, quote, nonce) = try good()
        quote.pcrValues[.sha256, 10] = Digest(repeating: 1, count: 32)
        quote.pcrValues[.sha1, 16] = Digest(repeating: 1, count: 20)
        let verified = try key.verify(
            quote, qualifyingData: nonce, selection: selection, allowsSHA1Signature: false)
        #expect(verified.pcrValues.all.map(\.index) == [16])
        let wrong = [
            nil, Digest(repeating: 0, count: 32), Digest(repeating: 0, count: 20), Digest(repeating: 0, count: 0),
        ]
        for value in wrong {
            quote.pcrValues[.sha256, 16] = value
            #expect(code(quote, nonce: nonce, key: key) == .pcrDigestMismatch)
        }
    }

    @Test("never pass nor trap when attest or signature is cut short, lengthened or changed")
    func hostile() throws {
        let (key, quote, nonce) = try good()
        for index in quote.attest.indices {
            var other = quote
            other.attest[index] ^= 1
            #expect(code(other, nonce: nonce, key: key) == .badQuoteSignature)
            other.attest = Array(quote.attest.prefix(index))
            #expect(code(other, nonce: nonce, key: key) == .badQuoteSignature)
        }
        for index in quote.signature.indices {
            var other = quote
            for change: UInt8 in [1, 0x80, 0xff] {
                other.signature[index] = quote.signature[index] ^ change
                #expect(code(other, nonce: nonce, key: key) != nil, "byte \(index) of the signature")
            }
            other.signature = Array(quote.signature.prefix(index))
            #expect(code(other, nonce: nonce, key: key) == .malformed)
        }
        var other = quote
        other.signature.append(0)
        #expect(code(other, nonce: nonce, key: key) == .malformed)
        other = quote
        other.attest.append(0)
        #expect(code(other, nonce: nonce, key: key) == .badQuoteSignature)
    }
}
