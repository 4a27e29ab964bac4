import AssayCrypto
import Attester
import Foundation
import NIOPosix
import SystemPackage
import TPM
import TPMDevice
import Terminal
import Transport

/// The host as the agent's commands use it: its TPM with the attestation key loaded, its identity, its log.
struct AgentHost: Sendable {
    let configuration: AgentConfiguration
    let device: TPMDevice
    /// TPM2B_PUBLIC of the attestation key.
    let attestationKeyPublic: [UInt8]

    /// Opens the TPM; makes the attestation key if there is none yet.
    init(_ configuration: AgentConfiguration) async throws(CommandFailure) {
        self.configuration = configuration
        do {
            try FileManager.default.createDirectory(
                atPath: configuration.stateFolder.string, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            device = try TPMDevice(tcti: configuration.tcti)
            let file = configuration.keyFile
            if let kept = try file.read() {
                try await device.loadAttestationKey(kept)
                attestationKeyPublic = kept.publicArea
            } else {
                let made = try await device.createAttestationKey(configuration.keyKind)
                try file.write(made)
                try await device.loadAttestationKey(made)
                attestationKeyPublic = made.publicArea
            }
        } catch {
            throw .unavailable(error)
        }
    }

    /// The attestation key's name.
    func attestationKeyName() throws(CommandFailure) -> [UInt8] {
        do {
            return try PublicArea(tpm2bPublic: attestationKeyPublic).name()
        } catch {
            throw .unavailable(error)
        }
    }

    /// The agent, identified by its certificate.
    func attester() throws(CommandFailure) -> Attester {
        do {
            let pem = [UInt8](
                try Data(contentsOf: URL(filePath: configuration.credentials.certificateChainFile)))
            guard let own = try Certificate.all(inPEM: pem).first else {
                throw CommandFailure(
                    .usage,
                    "\(configuration.credentials.certificateChainFile) holds no certificate; see tls.certificate")
            }
            let identity = try PeerIdentity(own.subjectAlternativeNames)
            return try Attester(
                device: device, attestationKeyName: try attestationKeyName(), agentID: identity.bytes,
                logPath: configuration.logPath, stateFolder: configuration.stateFolder,
                softwareVersion: softwareVersion)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .unavailable(error)
        }
    }

    /// Dials the verifier.
    func connect(_ context: TLSContext) async throws(TransportError) -> AgentConnection {
        try await AssayDialer.connect(
            host: configuration.verifierHost, port: configuration.verifierPort, context: context,
            serverName: configuration.verifierName, group: MultiThreadedEventLoopGroup.singleton)
    }
}
