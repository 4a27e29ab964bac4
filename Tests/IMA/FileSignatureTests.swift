import AssayCrypto
import Bytes
import TestSupport
import Testing

@testable import IMA

@Suite("The sig field") struct FileSignatureTests {
    private static let digest = [UInt8](repeating: 0xab, count: 32)

    private func signature(_ blob: [UInt8]) throws -> FileSignature {
        try FileSignature(blob.span, at: 0..<blob.count)
    }

    @Test("has kind, version, hash, key id and the signature behind it") func header() throws {
        let blob: [UInt8] = [0xff, 3, 2, 4, 0x01, 0x02, 0x03, 0x04, 0, 3, 7, 8, 9, 0xff]
        let signature = try FileSignature(blob.span, at: 1..<13)
        #expect(signature.kind == .file)
        #expect(signature.version == .two)
        #expect(signature.hash == .sha256)
        #expect(signature.keyID == KeyID(0x0102_0304))
        #expect(signature.signature == 10..<13)
        #expect(try signature.signedDigest(for: Self.digest.span)?.bytes == Self.digest)
    }

    @Test("of version 3 is over kind, hash and digest, hashed", arguments: [3, 5, 6] as [UInt8])
    func fileID(kind: UInt8) throws {
        let signature = try signature([kind, 3, 4, 1, 2, 3, 4, 0, 1, 9])
        let expected = [kind, 4] + Self.digest
        #expect(signature.kind.rawValue == kind)
        #expect(signature.fileID(for: Self.digest.span) == expected)
        #expect(try signature.signedDigest(for: Self.digest.span) == PCRBank.sha256.digest(of: expected))
    }

    @Test("of version 3 by a hash that we can't compute has no digest to verify") func uncomputable() throws {
        let signature = try signature([6, 3, KernelHash.streebog256.rawValue, 1, 2, 3, 4, 0, 1, 9])
        #expect(try signature.signedDigest(for: Self.digest.span) == nil)
    }

    @Test("tells by its length what it seems to be") func lengths() throws {
        func signature(_ version: UInt8, _ count: Int) throws -> FileSignature {
            try self.signature(
                [3, version, 4, 1, 2, 3, 4, UInt8(count >> 8), UInt8(count & 255)] + [UInt8](repeating: 9, count: count)
            )
        }
        for (count, set) in [(2420, .mlDSA44), (3309, .mlDSA65), (4627, .mlDSA87), (256, nil)] as [(Int, MLDSA?)] {
            #expect(try signature(3, count).likelySet == set)
            #expect(try signature(2, count).likelySet == nil)
        }
        #expect(try signature(2, 1015).isLeftByOldEvmctl)
        for (version, count) in [(3, 1015), (2, 1014), (2, 1016)] as [(UInt8, Int)] {
            #expect(try !signature(version, count).isLeftByOldEvmctl)
        }
        #expect("\(FileSignature.Malformed.length(stated: 3309, actual: 1015))".hasPrefix("cut short"))
        #expect("\(FileSignature.Malformed.length(stated: 1, actual: 2))".hasPrefix("length"))
    }

    @Test("that is none says why") func malformed() {
        let cases: [([UInt8], FileSignature.Malformed)] = [
            ([], .tooShort(0)),
            ([3], .tooShort(1)),
            ([3, 2, 4, 1, 2, 3, 4, 0], .tooShort(8)),
            ([4, 2, 4, 1, 2, 3, 4, 0, 1, 9], .kind(4)),
            ([3, 1, 4, 1, 2, 3, 4, 0, 1, 9], .version(1)),
            ([3, 7, 4, 1, 2, 3, 4, 0, 1, 9], .version(7)),
            ([3, 2, 99, 1, 2, 3, 4, 0, 1, 9], .hashAlgorithm(99)),
            ([3, 2, 23, 1, 2, 3, 4, 0, 1, 9], .hashAlgorithm(23)),
            ([3, 2, 4, 1, 2, 3, 4, 0, 2, 9], .length(stated: 2, actual: 1)),
            ([3, 2, 4, 1, 2, 3, 4, 0, 0], .length(stated: 0, actual: 0)),
        ]
        for (blob, error) in cases {
            #expect(throws: error) { try signature(blob) }
        }
    }

    @Test("of real logs is malformed where entries.tsv says so, and nowhere else", arguments: KernelRun.small)
    func kernel(run: KernelRun) throws {
        let log = try run.log
        var reader = RecordReader(log.span, format: LogFormat())
        var entries = try run.entries[...]
        while let record = try reader.next(), let entry = entries.popFirst() {
            let fields = RecordFields(record, in: log.span)
            guard !fields.signature.isEmpty else { continue }
            do throws(FileSignature.Malformed) {
                let signature = try FileSignature(log.span, at: fields.signature)
                let isPortable = entry.result.hasPrefix("evm-portable")
                #expect((signature.kind == .portableEVM) == isPortable, "\(entry)")
                #expect(!entry.result.hasPrefix("malformed"), "\(entry)")
                if entry.result.hasPrefix("unknown key id ") {
                    #expect(entry.result.hasPrefix("unknown key id \(signature.keyID)"), "\(entry)")
                }
            } catch {
                let reason: String
                switch error {
                case .tooShort: reason = "too short"
                case .version(let version): reason = "version \(version)"
                case .hashAlgorithm(let number): reason = "hash algorithm \(number)"
                case .length: reason = "length"
                case .kind(let kind): reason = "kind \(kind)"
                }
                #expect(entry.result == "malformed: " + reason, "\(entry)")
            }
        }
    }

    @Test("names hashes by the kernel's numbers and names") func hashes() {
        #expect(KernelHash(rawValue: 4) == .sha256)
        #expect(KernelHash(rawValue: 7) == .sha224)
        #expect(KernelHash(rawValue: 17) == .sm3)
        #expect(KernelHash(rawValue: 22) == .sha3_512)
        #expect(KernelHash(rawValue: 23) == nil)
        for algorithm in HashAlgorithm.allCases {
            let hash = KernelHash(algorithm)
            #expect(hash.algorithm == algorithm)
            #expect(hash.digestSize == algorithm.digestSize)
            #expect(hash.name.description == algorithm.rawValue)
            let named = KernelHash(name: Array(algorithm.rawValue.utf8).span)
            #expect(named == hash)
        }
        let unknown = [KernelHash(name: Array("sha-256".utf8).span), KernelHash(name: [UInt8]().span)]
        #expect(unknown == [nil, nil])
    }
}
