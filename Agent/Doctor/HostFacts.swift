package import AssayCrypto
package import Files

/// What was seen of a host: all that the doctor judges by.
package struct HostFacts: Sendable {
    /// The way to the TPM, and what came back.
    package var tpm: TPM
    /// The attestation key.
    package var attestationKey: AttestationKeyState
    /// Where the log is: securityfs, or a file.
    package var ima: IMAState
    /// Nil if the kernel doesn't show it.
    package var policy: IMAPolicy?
    /// What the kernel was booted with.
    package var commandLine: KernelCommandLine
    /// What the log says.
    package var log: Log
    /// The folder for the agent's own files.
    package var state: StateFolder
    /// The folder that the log is kept in.
    package var shards: StateFolder
    /// Seconds since 1970.
    package var now: Int64
    /// Whether the kernel's clock is kept in step with others.
    package var isClockSynchronised: Bool
    /// The agent's certificate.
    package var certificate: CertificateState
    /// The certificate's private key, if others than its owner can read it.
    package var exposedKey: KeyExposure?
    /// What the verifier did.
    package var verifier: VerifierState

    /// Puts together what was seen.
    package init(
        tpm: TPM, attestationKey: AttestationKeyState, ima: IMAState, policy: IMAPolicy?,
        commandLine: KernelCommandLine, log: Log, state: StateFolder, shards: StateFolder, now: Int64,
        isClockSynchronised: Bool,
        certificate: CertificateState, exposedKey: KeyExposure? = nil, verifier: VerifierState
    ) {
        self.tpm = tpm
        self.attestationKey = attestationKey
        self.ima = ima
        self.policy = policy
        self.commandLine = commandLine
        self.log = log
        self.state = state
        self.shards = shards
        self.now = now
        self.isClockSynchronised = isClockSynchronised
        self.certificate = certificate
        self.exposedKey = exposedKey
        self.verifier = verifier
    }

    /// Something that failed: what, and what to do.
    package struct Problem: Hashable, Sendable {
        package let reason: String
        package let remedy: String

        package init(_ reason: String, remedy: String) {
            self.reason = reason
            self.remedy = remedy
        }
    }

    package enum TPM: Hashable, Sendable {
        case answers(tcti: String, banks: [PCRBank])
        case fails(Problem)
    }

    package enum AttestationKeyState: Hashable, Sendable {
        /// There is a key, and this TPM has loaded it.
        case loaded
        /// There is no file yet.
        case none
        case fails(Problem)
        /// Without a TPM nothing can be said.
        case unknown
    }

    package enum IMAState: Hashable, Sendable {
        /// securityfs has IMA's folder.
        case on(folder: String)
        /// securityfs is there, the folder isn't.
        case off(folder: String)
        /// securityfs isn't mounted.
        case hidden(folder: String)
        /// `log.path` names a file, not securityfs's folder.
        case file(String)
    }

    package enum Log: Sendable {
        case read(LogSurvey)
        case fails(Problem)
    }

    package enum StateFolder: Hashable, Sendable {
        /// Bytes that the agent can still write there.
        case writable(path: String, free: UInt64)
        case fails(Problem)
    }

    package enum CertificateState: Hashable, Sendable {
        /// The agent's own, first of its chain, and the name that it gives the agent.
        case present(Certificate, identity: String)
        /// Nothing is configured, or the file isn't there.
        case absent(path: String?)
        case fails(Problem)
    }

    package enum VerifierState: Hashable, Sendable {
        /// The handshake is done and nobody hung up.
        case answers(address: String)
        /// No address is configured.
        case notConfigured
        /// It wasn't tried, for there is no certificate to show.
        case notTried
        case fails(Problem)
    }
}
