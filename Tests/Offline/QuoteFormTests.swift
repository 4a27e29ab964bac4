import Appraisal
import AssayCrypto
import Bytes
import Foundation
import TPM
import TestSupport
import Testing

@testable import Offline

@Suite("A quote in files")
struct QuoteFormTests {
    private let files: TemporaryFolder
    private let tpm: SyntheticTPM
    private let quote: ReceivedQuote
    private let banks = [PCRSelection.Bank(.sha256, PCRSet([0, 7, 10])), .init(.sha1, PCRSet([10]))]

    private static let clock = ClockInfo(clock: 1, resetCount: 1, restartCount: 0, isSafe: true)

    init() throws {
        files = try TemporaryFolder()
        tpm = try SyntheticTPM()
        var values = PCRValues()
        for index in 0..<24 {
            values[.sha256, index] = Digest(repeating: UInt8(index + 1), count: 32)
            values[.sha1, index] = Digest(repeating: UInt8(index + 1), count: 20)
        }
        quote = try tpm.quote(qualifyingData: [0xbe, 0xef], selected: banks, values: values, clock: Self.clock)
    }

    private func arguments(_ tpm: SyntheticTPM, _ quote: ReceivedQuote) throws -> AppraisalArguments {
        var arguments = AppraisalArguments()
        arguments.quote = try files.write(quote.attest, "attest")
        arguments.signature = try files.write(quote.signature, "signature")
        arguments.attestationKey = try files.write(sized(tpm.publicArea.marshalled), "ak")
        arguments.nonce = "beef"
        arguments.pcrValues = try files.write(PCRFileBytes.serialized(banks, quote.pcrValues), "pcrs")
        return arguments
    }

    private func sized(_ bytes: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.sized(by: UInt16.self, bytes)
        return writer.bytes
    }

    private func report(_ change: (inout AppraisalArguments) throws -> Void = { _ in }) throws -> AppraisalReport {
        var arguments = try arguments(tpm, quote)
        try change(&arguments)
        return try appraise(arguments)
    }

    @Test("is read in each form that tpm2-tools write")
    func forms() throws {
        let key = try tpm.attestationKey().publicKey
        let forms: [(inout AppraisalArguments) throws -> Void] = [
            { _ in }, { $0.pcrValues = try files.write(PCRFileBytes.plain(banks, quote.pcrValues), "plain") },
            { $0.attestationKey = try files.write(tpm.publicArea.marshalled, "tpmt") },
            { $0.signature = try files.write(tpm.plainSignature(quote.attest), "der") },
            { $0.attestationKey = try files.write(key.subjectPublicKeyInfo, "spki") },
            {
                let text = Data(key.subjectPublicKeyInfo).base64EncodedString()
                let pem = "note\n-----BEGIN PUBLIC KEY-----\n\(text)\n-----END PUBLIC KEY-----\n"
                $0.attestationKey = try files.write(Array(pem.utf8), "pem")
            },
        ]
        for (index, form) in forms.enumerated() {
            let report = try report(form)
            #expect(report.findings.isEmpty, "\(index) \(report.findings.kept)")
            #expect(report.quotedPCRs.all.count == 4)
            // A bare public key doesn't tell whether it is restricted: that is said.
            #expect(report.remarks.count == (index < 4 ? 0 : 1), "\(index)")
            #expect(report.lines.contains { $0.contains("restricted key") } == (index >= 4))
        }
    }

    @Test("in another form is malformed, and the forms that are read are named")
    func malformed() throws {
        let (key, plain) = (try tpm.attestationKey().publicKey, PCRFileBytes.plain(banks, quote.pcrValues))
        let forms: [(String, (inout AppraisalArguments) throws -> Void)] = [
            (
                "plain values of sha256:0,7,10+sha1:10 have 116 bytes, not 115",
                { $0.pcrValues = try files.write(plain.dropLast(), "short") }
            ),
            ("plain values", { $0.pcrValues = try files.write([UInt8](), "empty") }),
            (
                "bare public key",
                {
                    $0.signature = try files.write(tpm.plainSignature(quote.attest), "der")
                    $0.attestationKey = try files.write(key.subjectPublicKeyInfo, "spki")
                }
            ),
            ("TPMT_SIGNATURE", { $0.signature = try files.write([1, 2, 3], "junk") }),
        ]
        for (text, form) in forms {
            let report = try report(form)
            #expect(report.reasons == ["malformed"], "\(text)")
            #expect(report.findings.kept[0].found.contains(text), "\(report.findings.kept)")
            #expect(report.findings.kept[0].remedy == QuoteFiles.forms)
        }
        let unread = try report { $0.attestationKey = try files.write(Array("no key".utf8), "junk") }
        #expect(unread.reasons == ["bad_attestation_key"] && unread.findings.kept[0].found.contains("TPM2B_PUBLIC"))
        // Values of other PCRs, in the right number, aren't those that were quoted.
        let other = try report { $0.pcrValues = try files.write(plain.reversed(), "other") }
        #expect(other.reasons == ["pcr_digest_mismatch"])
    }

    @Test(
        "by a key that signs with SHA-1, or is named with it, needs --allow-sha1",
        arguments: [HashAlgorithm.sha1, .sha256])
    func sha1(hash: HashAlgorithm) throws {
        let tpm = try SyntheticTPM(nameAlgorithm: hash == .sha1 ? .sha256 : .sha1, hash: hash)
        let quote = try tpm.quote(
            qualifyingData: [0xbe, 0xef], selected: banks, values: quote.pcrValues, clock: Self.clock)
        var arguments = try arguments(tpm, quote)
        #expect(try appraise(arguments).reasons == ["bad_attestation_key"])
        arguments.allowsSHA1 = true
        let allowed = try appraise(arguments)
        #expect(allowed.findings.isEmpty)
        #expect(allowed.ofSHA1 == [hash == .sha1 ? "the quote's signature" : "the attestation key's name"])
        // A bare key shows what it signs with, and nothing of its name.
        arguments.allowsSHA1 = false
        arguments.attestationKey = try files.write(
            try tpm.attestationKey(allowsSHA1: true).publicKey.subjectPublicKeyInfo, "spki")
        #expect(try appraise(arguments).reasons == (hash == .sha1 ? ["bad_attestation_key"] : []))
    }

    @Test("is over the banks that the values are of; --bank is about another thing")
    func selections() throws {
        let sha256 = [PCRSelection.Bank(.sha256, PCRSet([0, 7, 10]))]
        let other = try report { $0.pcrValues = try files.write(PCRFileBytes.serialized(sha256, quote.pcrValues), "p") }
        #expect(other.reasons == ["pcr_selection_mismatch"])
        #expect(try report { $0.bank = "sha256" }.reasons == ["wrong_bank"])
        let twice = try report {
            let banks = [PCRSelection.Bank(.sha256, PCRSet([0])), .init(.sha256, PCRSet([7]))]
            $0.pcrValues = try files.write(PCRFileBytes.serialized(banks, quote.pcrValues), "p")
        }
        #expect(twice.reasons == ["pcr_selection_mismatch"])
        #expect(twice.findings.kept[0].found == "the PCR file names bank sha256 more than once")
        let empty = try tpm.quote(
            qualifyingData: [0xbe, 0xef], selected: [.init(.sha384, [])], values: PCRValues(), clock: Self.clock)
        var arguments = try arguments(tpm, empty)
        arguments.pcrValues = try files.write(PCRFileBytes.serialized([.init(.sha384, [])], PCRValues()), "p")
        let nothing = try appraise(arguments)
        #expect(nothing.reasons == ["pcr_selection_mismatch"])
        #expect(nothing.findings.kept[0].found.contains("covers no PCR"))
    }

    @Test("says nothing of the boot, unless the policy lists PCRs")
    func boot() throws {
        func policy(_ assay: String) throws -> String {
            let text = """
                {"meta": {"version": 1, "generator": 0}, "release": 0, "digests": {}, "excludes": [], "keyrings": {},
                 "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1"}, "ima-buf": {}, "verification-keys": "",
                 "assay": {\(assay)}}
                """
            return try files.write(Array(text.utf8), "policy")
        }
        let value = Digest(repeating: 8, count: 32)
        for (assay, boot) in [
            ("", "not appraised"),
            (#""pcrs": {"7": {"sha256": ["\#(value)"]}}"#, "PCR 7 compared with the policy's assay.pcrs"),
        ] {
            let report = try report { $0.policy = try policy(assay) }
            #expect(!report.isContraindicated && report.lines.contains("boot: \(boot)"))
            #expect(try report.object()["boot"] as? String == boot)
        }
        // A quote that doesn't hold compares nothing.
        let refused = try report {
            $0.policy = try policy(#""pcrs": {"7": {"sha256": ["\#(value)"]}}"#)
            $0.nonce = "00"
        }
        #expect(refused.boot == .none && refused.lines.contains("boot: not appraised"))
    }
}
