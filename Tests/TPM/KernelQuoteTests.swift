import AssayCrypto
import Bytes
import Foundation
import TPM
import TestSupport
import Testing

/// One attestation of a real kernel's run: Tests/Fixtures/kernel/RUN/bootN/points/NAME.
struct KernelPoint: CustomTestStringConvertible {
    let boot: String
    let name: String

    var testDescription: String { "\(boot) \(name)" }

    static let all = KernelRun.all.flatMap { run in
        ((try? Fixtures.folders(in: "kernel/\(run.folder)/points")) ?? []).map {
            KernelPoint(boot: run.folder, name: $0)
        }
    }

    func bytes(_ file: String) throws -> [UInt8] { try Fixtures.bytes("kernel/\(boot)/points/\(name)/\(file)") }

    func text(_ file: String) throws -> String {
        String(decoding: try bytes(file), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func key(_ form: String) throws -> [UInt8] {
        try Fixtures.bytes("kernel/\(boot)/tpm/ak-\(text("ak.txt")).\(form)")
    }

    func quote() throws -> ReceivedQuote {
        ReceivedQuote(
            attest: try bytes("quote.tpms_attest"), signature: try bytes("quote.tpmt_signature"),
            pcrValues: try PCRFile(bytes("quote.pcrs")).values)
    }

    /// The selection as it was given to the TPM's tools, such as `sha1:10+sha256:10`.
    func selection() throws -> PCRSelection {
        PCRSelection(
            try text("pcr-selection.txt").split(separator: "+").map { part in
                let halves = part.split(separator: ":")
                let bank = try #require(PCRBank(name: String(halves[0])) as PCRBank?)
                return PCRSelection.Bank(bank, PCRSet(halves[1].split(separator: ",").compactMap { Int($0) }))
            })
    }

    /// Every bank's values as they were read after the quote.
    func allValues() throws -> PCRValues { try KernelRun(boot).allValues(at: name) }
}

@Suite("Quotes of real kernels' hosts") struct KernelQuoteTests {
    @Test("are all here")
    func count() {
        #expect(KernelPoint.all.count == 68)
    }

    @Test("hold, under the key's public area and under the bare key", arguments: KernelPoint.all)
    func verify(point: KernelPoint) throws {
        let area = try PublicArea(tpm2bPublic: point.key("tpm2b_public"))
        let enrolled = try AttestationKey(publicArea: area)
        #expect(try enrolled.name == point.key("name"))
        let bare = AttestationKey(publicKey: try PublicKey(pem: point.key("pem")))
        #expect(enrolled.publicKey.subjectPublicKeyInfo == bare.publicKey.subjectPublicKeyInfo)
        for key in [enrolled, bare] {
            let quote = try key.verify(
                point.quote(), qualifyingData: point.bytes("nonce.bin"), selection: point.selection(),
                allowsSHA1Signature: false)
            #expect(try quote.selection == point.selection())
            #expect(quote.clockInfo.resetCount > 0)
        }
    }

    @Test("don't hold under the host's other key", arguments: KernelPoint.all)
    func otherKey(point: KernelPoint) throws {
        let other = try point.text("ak.txt") == "rsa" ? "ecc" : "rsa"
        let area = try PublicArea(tpm2bPublic: Fixtures.bytes("kernel/\(point.boot)/tpm/ak-\(other).tpm2b_public"))
        let error = #expect(throws: QuoteError.self) {
            try AttestationKey(publicArea: area).verify(
                point.quote(), qualifyingData: point.bytes("nonce.bin"), selection: point.selection(),
                allowsSHA1Signature: false)
        }
        #expect(error?.code == .badQuoteSignature)
    }

    @Test("follow each other in one epoch, and a reboot begins another")
    func clocks() throws {
        for (_, points) in Dictionary(grouping: KernelPoint.all, by: \.boot) {
            let clocks = try points.map { try Attest($0.bytes("quote.tpms_attest")).clockInfo }
            for (previous, now) in zip(clocks, clocks.dropFirst()).filter({ $0.clock <= $1.clock }) {
                #expect(try ClockRelation.relation(previous: previous, now: now) == .sameEpoch(restarted: false))
            }
        }
        let run = "k612-ovmf-reboot-imasigv2-sha384"
        let before = try #require(KernelPoint.all.last { $0.boot == "\(run)/boot1" })
        let after = try #require(KernelPoint.all.first { $0.boot == "\(run)/boot2" })
        let clocks = try [before, after].map { try Attest($0.bytes("quote.tpms_attest")).clockInfo }
        #expect(try ClockRelation.relation(previous: clocks[0], now: clocks[1]) == .newEpoch)
        let error = #expect(throws: QuoteError.self) { try ClockRelation.relation(previous: clocks[1], now: clocks[0]) }
        #expect(error?.code == .resetWentBack)
    }

    /// The digest in the log's first record, as its bytes say it, for each way that kernels have computed it.
    @Test(
        "give the boot_aggregate that the kernel logged",
        arguments: [
            ("k61-imang-sha1-tis/boot1", PCRBank.sha1), ("k612-imasig-sha256/boot1", .sha256),
            ("k612-mixed-templates/boot1", .sha256), ("k612-ovmf-reboot-imasigv2-sha384/boot2", .sha384),
        ])
    func bootAggregate(boot: String, bank: PCRBank) throws {
        let point = try #require(KernelPoint.all.first { $0.boot == boot })
        let candidates = try #require(BootAggregate.values(of: point.allValues())[bank])
        let log = try Fixtures.bytes("kernel/\(boot)/log/binary_runtime_measurements").prefix(200)
        #expect(candidates.contains { log.contains($0.bytes) })
        #expect(candidates.count == 2)
    }

    @Test("give no boot_aggregate without all of its PCRs")
    func partialBootAggregate() throws {
        let point = try #require(KernelPoint.all.first)
        var values = try point.allValues()
        values[.sha256, 9] = nil
        #expect(BootAggregate.values(of: values)[.sha256]?.count == 1)
        values[.sha256, 0] = nil
        #expect(BootAggregate.values(of: values)[.sha256] == nil)
        #expect(BootAggregate.values(of: PCRValues()).isEmpty)
    }
}
