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
        "that rest on SHA-1 hold where it is allowed, and are refused where it isn't",
        arguments: ["alg-rsassa-sha1", "alg-ecdsa-p256-sha1", "e2e-sha1"])
    func sha1(name: String) throws {
        let error = #expect(throws: QuoteError.self) { try QuoteCase(name).verify(allowsSHA1: false) }
        #expect(error?.code == .badAttestationKey)
        #expect(try QuoteCase(name).verify().signatureHash == .sha1)
        // The bank's hash and the signature's are different things.
        _ = try QuoteCase("alg-sha1bank-sha256sig").verify(allowsSHA1: false)
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
        let fixture = try QuoteCase("swtpm-rsa")
        return (
            try fixture.attestationKey(), try fixture.quote(PCRFile(fixture.bytes("pcrs.bin"))),
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

    private static let clock = ClockInfo(clock: 1, resetCount: 1, restartCount: 0, isSafe: true)

    private static let values: PCRValues = {
        var values = PCRValues()
        for index in [0, 1, 10] {
            values[.sha256, index] = Digest(repeating: UInt8(index), count: 32)
            values[.sha1, index] = Digest(repeating: UInt8(index), count: 20)
        }
        return values
    }()

    private func error(
        _ selected: [PCRSelection.Bank], asked: PCRSelection, requiredBank: PCRBank? = nil
    ) throws -> QuoteError? {
        let tpm = try SyntheticTPM()
        let quote = try tpm.quote(qualifyingData: [1], selected: selected, values: Self.values, clock: Self.clock)
        do throws(QuoteError) {
            _ = try tpm.attestationKey().verify(
                quote, qualifyingData: [1], selection: asked, requiredBank: requiredBank, allowsSHA1Signature: false)
            return nil
        } catch { return error }
    }

    @Test("tell another bank than the values' from another than --bank's")
    func banks() throws {
        let (sha1, sha256) = (PCRSelection.Bank(.sha1, PCRSet([10])), PCRSelection.Bank(.sha256, PCRSet([10])))
        for required in [nil, PCRBank.sha1, .sha256] {
            #expect(
                try error([sha1], asked: PCRSelection([sha256]), requiredBank: required)?.code == .pcrSelectionMismatch)
        }
        #expect(try error([sha1], asked: PCRSelection([sha1]), requiredBank: .sha256)?.code == .wrongBank)
        #expect(
            try error([sha1, sha256], asked: PCRSelection([sha256, sha1]), requiredBank: .sha256)?.code == .wrongBank)
        #expect(try error([sha1, sha256], asked: PCRSelection([sha256, sha1])) == nil)
    }

    @Test("that name a bank twice, or cover no PCR, are told as such")
    func oddSelections() throws {
        let asked = PCRSelection(banks: [.sha256], pcrs: PCRSet([0, 10]))
        let twice = try #require(
            try error([.init(.sha256, PCRSet([0])), .init(.sha256, PCRSet([10]))], asked: asked))
        #expect(twice.code == .pcrSelectionMismatch && twice.detail == "the quote names bank sha256 more than once")
        #expect(!twice.remedy.contains("inspect") && twice.remedy.contains("each bank"))
        for selected in [[], [PCRSelection.Bank(.sha256, [])], [.init(.sha384, []), .init(.sha256, [])]] {
            for asked in [asked, PCRSelection([])] {
                let nothing = try #require(try error(selected, asked: asked))
                #expect(nothing.code == .pcrSelectionMismatch)
                #expect(nothing.detail.contains("covers no PCR") && nothing.detail.contains("active"))
            }
        }
    }

    @Test("take a plain signature only where it may be one, by the scheme that the public area fixes")
    func plain() throws {
        let tpm = try SyntheticTPM()
        let selection = PCRSelection(banks: [.sha256], pcrs: PCRSet([10]))
        var quote = try tpm.quote(qualifyingData: [1], selection: selection, values: Self.values, clock: Self.clock)
        quote.signature = try tpm.plainSignature(quote.attest)
        let key = try tpm.attestationKey()
        let bare = AttestationKey(publicKey: key.publicKey)
        #expect(code(quote, nonce: [1], selection: selection, key: key) == .malformed)
        quote.mayHavePlainSignature = true
        #expect(code(quote, nonce: [1], selection: selection, key: key) == nil)
        #expect(code(quote, nonce: [1], selection: selection, key: bare) == .malformed)
        for index in quote.signature.indices {
            var other = quote
            other.signature[index] ^= 1
            #expect(code(other, nonce: [1], selection: selection, key: key) != nil)
            other.signature = Array(quote.signature.prefix(index))
            #expect(code(other, nonce: [1], selection: selection, key: key) == .malformed)
        }
        // An RSA key's is as long as its modulus.
        var real = try good().quote
        let nonce = try good().nonce
        let modulus = Array(try good().key.publicKey.subjectPublicKeyInfo.dropLast(5).suffix(256))
        let rsa = try AttestationKey(publicArea: PublicArea(tpmtPublic: PublicAreaBytes.rsa(modulus: modulus)))
        real.signature = Array(real.signature.dropFirst(6))
        #expect(code(real, nonce: nonce, key: rsa) == .malformed)
        real.mayHavePlainSignature = true
        #expect(code(real, nonce: nonce, key: rsa) == nil)
        real.signature[100] ^= 1
        #expect(code(real, nonce: nonce, key: rsa) == .badQuoteSignature)
    }
}
