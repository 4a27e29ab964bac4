package import AssayCrypto
package import Files
package import TPMDevice

/// What was seen of a host: all that the doctor judges by.
package struct HostFacts: Sendable {
    /// The way to the TPM, and what came back.
    package var tpm: TPM
    /// The endorsement hierarchy, which keys are made in and used by.
    package var endorsement: EndorsementState
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
    /// What a kexec does to the log.
    package var kexec: Kexec
    /// The folder for the agent's own files.
    package var state: StateFolder
    /// The folder that the log is kept in.
    package var shards: StateFolder
    /// Whether the kernel's records are freed once they are stored.
    package var trimming: Trimming
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
        tpm: TPM, endorsement: EndorsementState, attestationKey: AttestationKeyState, ima: IMAState,
        policy: IMAPolicy?, commandLine: KernelCommandLine, log: Log, kexec: Kexec, state: StateFolder,
        shards: StateFolder, trimming: Trimming, now: Int64, isClockSynchronised: Bool,
        certificate: CertificateState, exposedKey: KeyExposure? = nil, verifier: VerifierState
    ) {
        self.tpm = tpm
        self.endorsement = endorsement
        self.attestationKey = attestationKey
        self.ima = ima
        self.policy = policy
        self.commandLine = commandLine
        self.log = log
        self.kexec = kexec
        self.state = state
        self.shards = shards
        self.trimming = trimming
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

    package enum EndorsementState: Hashable, Sendable {
        /// It is enabled, and has no password; with what else is set in the TPM and is no matter.
        case usable(others: [EndorsementHierarchy.Other] = [])
        case fails(Problem)
        /// Without a TPM nothing can be said.
        case unknown
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

    package struct Kexec: Hashable, Sendable {
        /// Whether the running kernel was built to carry its log over (CONFIG_IMA_KEXEC); nil if its configuration isn't
        /// there to be read.
        package var carriesLog: Bool?
        /// Another kernel is loaded: the next reboot may be a kexec.
        package var isLoaded: Bool
        /// Where records of this boot may be missing, as agents have seen and remembered it: sentences.
        package var gaps: [String]

        package init(carriesLog: Bool?, isLoaded: Bool, gaps: [String]) {
            self.carriesLog = carriesLog
            self.isLoaded = isLoaded
            self.gaps = gaps
        }
    }

    package struct Trimming: Hashable, Sendable {
        /// `trim: staged` is set.
        package var isWanted: Bool
        /// The kernel has the interface (CONFIG_IMA_STAGING).
        package var isOffered: Bool

        package init(isWanted: Bool, isOffered: Bool) {
            self.isWanted = isWanted
            self.isOffered = isOffered
        }
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
        /// It says how this host stands with it: nobody need do anything.
        case welcomes(address: String, says: String)
        /// It says the same, and that somebody must do something for this host to be affirmed.
        case cautions(address: String, says: String)
        /// It has taken the certificate, which it does of nobody whom it refuses, and says no more: another release.
        case answers(address: String)
        /// No address is configured.
        case notConfigured
        /// It wasn't tried, for there is no certificate to show.
        case notTried
        case fails(Problem)
    }
}
