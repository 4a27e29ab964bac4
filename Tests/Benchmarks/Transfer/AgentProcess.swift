import ArgumentParser
import AssayCrypto
import Attester
import Bytes
import Foundation
import Messages
import NIOPosix
import Shards
import Synchronization
import SystemPackage
import TPM
import TPMDevice
import Terminal
import TestSupport
import Transport

/// A process of its own that is the real agent but for its TPM: no TPM can be made to hold the PCR of a million records
/// in the time that a benchmark has.
///
/// It stores its log, prints its attestation key, waits for a line, attests once, and prints what that cost.
struct AgentProcess: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "agent-process", shouldDisplay: false)

    @Argument var port: Int
    @Argument var certificates: String
    @Argument var log: String
    @Argument var shards: String
    @Argument var pcr: String

    /// What an attestation cost, and what it came to.
    struct Report: Codable {
        let wall: Double
        let cpu: Double
        let peak: Double
        let tier: String
        let records: UInt64
        let bytes: UInt64
    }

    static let id = "web-1"

    func run() throws { try awaiting { try await attest() } }

    private func attest() async throws {
        guard let value = [UInt8](hexadecimal: pcr).flatMap({ Digest($0) }) else { throw BenchmarkError(pcr) }
        let tpm = try BenchTPM(pcr: value)
        let key = try tpm.synthetic.attestationKey()
        let attester = Attester(
            device: tpm, attestationKeyName: key.name, agentID: Array(Self.id.utf8), logPath: FilePath(log),
            shards: MeasurementLog.Settings(directory: FilePath(shards)), softwareVersion: "bench")
        try await attester.readLog { _ in }
        Output.line(tpm.synthetic.publicArea.marshalled.hexadecimal)
        _ = readLine()
        let usage = ProcessUsage.own()
        let start = ContinuousClock.now
        let sent = Mutex<(records: UInt64, bytes: UInt64)>((0, 0))
        let context = try TLSContext.client(
            credentials: .init(
                certificateChainFile: certificates + "/agent.pem", privateKeyFile: certificates + "/agent.key"),
            trustRootsFile: certificates + "/ca.pem")
        let connection = try await AssayDialer.connect(
            host: "127.0.0.1", port: port, context: context, group: MultiThreadedEventLoopGroup.singleton)
        let result = try await attester.attest(over: connection, once: true) { event in
            if case .progress(let progress, _) = event {
                sent.withLock { $0 = (progress.recordsSent, progress.bytesSent) }
            }
        }
        let wall = (ContinuousClock.now - start) / .seconds(1)
        let after = ProcessUsage.own()
        let total = sent.withLock { $0 }
        Output.line(
            try jsonLine(
                Report(
                    wall: wall, cpu: after.cpu - usage.cpu, peak: after.peak, tier: "\(result?.tier ?? Tier.none)",
                    records: total.records, bytes: total.bytes)))
    }
}

/// Quotes a PCR 10 that it is given; the others are as after a reset.
private struct BenchTPM: AttestingTPM {
    let synthetic: SyntheticTPM
    private let values: PCRValues
    private let clock = ClockInfo(clock: 1, resetCount: 1, restartCount: 0, isSafe: true)

    init(pcr: Digest) throws {
        synthetic = try SyntheticTPM()
        var values = PCRValues()
        for index in 0..<16 { values[.sha256, index] = Digest(repeating: 0, count: 32) }
        values[.sha256, 10] = pcr
        self.values = values
    }

    func readClock() async throws(TPMDeviceError) -> ClockInfo { clock }

    func activeBanks() async throws(TPMDeviceError) -> [PCRBank] { [.sha256] }

    func quote(qualifyingData: [UInt8], selection: PCRSelection) async throws(TPMDeviceError) -> Quote {
        var selected = PCRValues()
        for bank in selection.banks {
            for pcr in bank.pcrs.indices { selected[bank.bank, pcr] = values[bank.bank, pcr] }
        }
        guard
            let quote = try? synthetic.quote(
                qualifyingData: qualifyingData, selection: selection, values: selected, clock: clock)
        else { throw TPMDeviceError(.noKey, in: "SyntheticTPM") }
        return Quote(attest: quote.attest, signature: quote.signature, pcrValues: quote.pcrValues)
    }
}
