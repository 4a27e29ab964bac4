import Attester
import Foundation
import Shards
import StandInKernel
import SystemPackage
import TPM
import TPMDevice
import TestSupport

/// A host that attests: a TPM, the kernel's stand-in with its log, an attestation key, a folder for the agent.
final class Host: Sendable {
    let tpm: SoftwareTPM
    let device: TPMDevice
    let kernel: StandInKernel
    /// Made, but not loaded: the TPM has room for three objects, and a killed process leaves its own there.
    let key: AttestationKeyBlob
    /// Where an agent keeps its own files; the key is there already.
    let stateFolder: URL

    /// - Parameter folder: an empty one.
    init(in folder: URL) async throws {
        tpm = try SoftwareTPM()
        device = try TPMDevice(tcti: tpm.tcti)
        key = try await device.createAttestationKey(.p256)
        kernel = StandInKernel(device: device, log: folder.appending(path: "binary_runtime_measurements"))
        stateFolder = folder.appending(path: "agent")
        try FileManager.default.createDirectory(at: stateFolder, withIntermediateDirectories: false)
        try AttestationKeyFile(path: stateFolder.appending(path: "attestation-key").path).write(key)
    }

    /// The identity in the certificate `agent`.
    static let id = "web-1"

    func attestationKeyName() throws -> [UInt8] {
        try PublicArea(tpm2bPublic: key.publicArea).name()
    }

    /// An agent in this process, its key loaded.
    func attester() async throws -> Attester {
        try await device.loadAttestationKey(key)
        return Attester(
            device: device, attestationKeyName: try attestationKeyName(), agentID: Array(Self.id.utf8),
            logPath: FilePath(kernel.log.path), shards: MeasurementLog.Settings(directory: shards),
            softwareVersion: "test")
    }

    /// An agent in this process that reads and frees a kernel's records.
    func attester(over files: any KernelFiles) async throws -> Attester {
        try await device.loadAttestationKey(key)
        return Attester(
            device: device, attestationKeyName: try attestationKeyName(), agentID: Array(Self.id.utf8),
            kernelFiles: files, shards: MeasurementLog.Settings(directory: shards, trims: true), softwareVersion: "test"
        )
    }

    /// Where the agent keeps its shards: as the program does for a log that isn't the kernel's own.
    var shards: FilePath { FilePath(stateFolder.path).appending("shards") }

    /// The log as the kernel shows it.
    func log() throws -> [UInt8] { [UInt8](try Data(contentsOf: kernel.log)) }

    /// Shows another log than was measured.
    func replaceLog(with records: [UInt8]) throws {
        try FileManager.default.removeItem(at: kernel.log)
        try kernel.append(records)
    }

    /// The agent's shards are gone.
    func loseShards() throws { try ShardWriter.removeAll(in: shards, evenIfFreed: true) }

    /// Loses its power while it is suspended: PCRs are zero and the log is empty, though the TPM counts no boot.
    func restart() throws {
        try tpm.restart()
        try replaceLog(with: [])
    }

    /// Boots: PCRs are zero, the TPM has counted it, and the log is empty.
    func boot() throws {
        try tpm.reset()
        try replaceLog(with: [])
    }
}
