import Attester
import IMA
import Messages
import Server
import StandInKernel
import Store
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Shards of a round") struct ShardSizeTests {
        private static let largestRecord = LogLimits.standard.recordBytes

        /// Small records, seven of 600,000 bytes, one of a whole MiB, and one behind it.
        private func log() throws -> [UInt8] {
            var log = LogBuilder()
            for number in 0..<7 { log.buffer("long\(number)", [UInt8](repeating: UInt8(number), count: 600_000)) }
            var largest = LogBuilder()
            largest.buffer("largest", [])
            let rest = Self.largestRecord - largest.bytes.count
            largest = LogBuilder()
            largest.buffer("largest", [UInt8](repeating: 7, count: rest))
            #expect(largest.bytes.count == Self.largestRecord)
            return try KernelLogs.prefix(20) + log.bytes + largest.bytes + KernelRecords.file("/behind", content: [1])
        }

        @Test(
            "are as large as the verifier is configured to ask, from 64 KiB to a frame's limit; a larger record goes alone",
            arguments: [65_536, 1 << 20, 4_000_000] as [UInt32])
        func sizes(configured: UInt32) async throws {
            var settings = SessionSettings()
            settings.shardBytes = configured
            let log = try log()
            try await World.run(settings, measured: log) { world in
                let attestation = try await world.attest(try await world.host.attester())
                #expect(attestation.result.tier == .affirming && attestation.result.nextRecord == 29)
                let shards = attestation.shards
                #expect(shards.reduce(0) { $0 + $1.shardBytes } == log.count)
                #expect(
                    shards.allSatisfy {
                        $0.shardBytes <= Int(configured) || $0.shardRecords == 1 && $0.shardBytes <= Self.largestRecord
                    })
                switch configured {
                case 4_000_000:
                    #expect(shards.count == 2 && shards[0].shardBytes > 3 << 20)
                case 1 << 20:
                    #expect(shards.contains { $0.shardRecords == 1 && $0.shardBytes == Self.largestRecord })
                default:
                    // The first twenty, the seven, the largest, the last.
                    #expect(shards.map(\.shardRecords) == [20] + [UInt32](repeating: 1, count: 9))
                }
            }
        }

        @Test("are no larger than a frame, whatever a verifier is configured to ask")
        func beyondTheFrame() async throws {
            var settings = SessionSettings()
            settings.shardBytes = .max
            try await World.run(settings, measured: try log()) { world in
                let attestation = try await world.attest(try await world.host.attester())
                #expect(attestation.result.tier == .affirming && attestation.result.nextRecord == 29)
                #expect(attestation.shards.count == 2)
            }
        }

        @Test("can't be configured out of bounds")
        func configured() async throws {
            try await Installation.run(allowing: try KernelLogs.prefix(10)) { installation in
                for (bytes, exit) in [(65_535, 2), (65_536, 0), (4_000_000, 0), (4_000_001, 2)] as [(Int, Int32)] {
                    let verifier = try installation.verifier([
                        "serve", "--check", "--config", installation.path("verifier.yaml"), "--set",
                        "attestation.shard_bytes=\(bytes)",
                    ])
                    #expect(try await verifier.exitCode() == exit, "\(bytes): \(verifier.output)")
                    #expect(exit == 0 || verifier.output.contains("attestation.shard_bytes"))
                }
            }
        }
    }
}
