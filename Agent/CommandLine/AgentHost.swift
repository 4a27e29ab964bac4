import AssayCrypto
import Attester
import Files
import Glibc
import NIOPosix
import SystemPackage
import TPM
import TPMDevice
import Terminal
import Transport

/// The host as the agent's commands use it: its TPM with the attestation key loaded, its identity, its log.
struct AgentHost: Sendable {
    let configuration: AgentConfiguration
    let provisioned: ProvisionedTPM
    /// How the agent's certificate is renewed: one and the same on all connections.
    let renewal: CertificateRenewal

    /// Opens the TPM; makes the attestation key if there is none yet. Files of certificates that can't be used fail here.
    ///
    /// - Parameter tell: is given a sentence if the TPM keeps it waiting.
    init(
        _ configuration: AgentConfiguration, tell: @escaping @Sendable (String) -> Void = Output.notice
    ) async throws(CommandFailure) {
        _ = try configuration.tlsContext()
        self.configuration = configuration
        renewal = AgentCredentials(configuration.credentials).renewal(time: currentTime)
        provisioned = try await ProvisionedTPM(
            tcti: configuration.host.tcti, keyKind: configuration.host.keyKind,
            stateFolder: configuration.host.stateFolder, tell: tell)
    }

    /// The agent, identified by its certificate.
    func attester() throws(CommandFailure) -> Attester {
        let credentials = AgentCredentials(configuration.credentials)
        let own = try credentials.certificate(at: currentTime())
        do {
            let identity = try PeerIdentity(own.subjectAlternativeNames)
            return Attester(
                device: provisioned.device, attestationKeyName: try provisioned.attestationKeyName(),
                agentID: identity.bytes, logPath: configuration.host.logPath, shards: configuration.host.shards,
                softwareVersion: softwareVersion)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .unavailable(error)
        }
    }

    /// Dials the verifier, with the certificate that is in its file now.
    func connect() async throws -> AgentConnection {
        let credentials = AgentCredentials(configuration.credentials)
        _ = try credentials.certificate(at: currentTime())
        let context = try TLSContext.client(
            credentials: configuration.credentials, trustRootsFile: configuration.trustFile)
        do throws(TransportError) {
            return try await AssayDialer.connect(
                host: configuration.verifierHost, port: configuration.verifierPort, context: context,
                serverName: configuration.verifierName, group: MultiThreadedEventLoopGroup.singleton)
        } catch {
            throw CommandFailure.connection(
                to: configuration.verifierHost, port: configuration.verifierPort, error,
                doubt: credentials.doubt(at: currentTime()))
        }
    }
}

/// A TPM with the attestation key loaded that the agent's folder keeps.
struct ProvisionedTPM: Sendable {
    let device: TPMDevice
    /// The key, of which only the public half can be read.
    let attestationKey: AttestationKeyBlob

    /// Opens the TPM; makes folder and key if there are none yet.
    ///
    /// - Parameter tell: is given a sentence if the TPM keeps it waiting.
    init(
        tcti: String, keyKind: KeyKind, stateFolder: FilePath,
        tell: @escaping @Sendable (String) -> Void = Output.notice
    ) async throws(CommandFailure) {
        do {
            try makePrivateFolder(at: stateFolder.string)
            device = try await TPMDevice.open(tcti: tcti, tell: tell)
            let file = AttestationKeyFile(path: stateFolder.appending("attestation-key").string)
            if let kept = try file.read() {
                attestationKey = kept
            } else {
                attestationKey = try await device.createAttestationKey(keyKind)
                try file.write(attestationKey)
            }
            try await device.loadAttestationKey(attestationKey)
        } catch {
            throw .unavailable(error)
        }
    }

    /// The attestation key's name.
    func attestationKeyName() throws(CommandFailure) -> [UInt8] {
        do {
            return try PublicArea(tpm2bPublic: attestationKey.publicArea).name()
        } catch {
            throw .unavailable(error)
        }
    }
}

/// Seconds since 1970.
func currentTime() -> Int64 { Int64(time(nil)) }
