internal import AssayCrypto
internal import Files
internal import Messages
internal import TPMDevice
internal import Terminal

/// Whether a host can be attested, and what to do about it if not: a function of what was seen.
package struct Diagnosis: Hashable, Sendable {
    /// One for each check, in order.
    package let findings: [Finding]

    /// Judges.
    package init(_ facts: HostFacts) {
        findings = Check.allCases.map { Self.finding($0, facts) }
    }

    /// Whether nothing stands in the way.
    package var canBeAttested: Bool { !findings.contains { $0.state == .failed } }

    private static func finding(_ check: Check, _ facts: HostFacts) -> Finding {
        switch check {
        case .tpm: tpm(facts)
        case .banks: banks(facts)
        case .endorsement: endorsement(facts)
        case .attestationKey: attestationKey(facts)
        case .ima: ima(facts)
        case .log: log(facts)
        case .policy: policy(facts)
        case .template: template(facts)
        case .keys: keys(facts)
        case .kexec: kexec(facts)
        case .state: state(facts)
        case .shards: shards(facts)
        case .trimming: trimming(facts)
        case .clock: clock(facts)
        case .certificate: certificate(facts)
        case .verifier: verifier(facts)
        }
    }
}

// MARK: - The TPM

extension Diagnosis {
    static func tpm(_ facts: HostFacts) -> Finding {
        switch facts.tpm {
        case .answers(let tcti, _): .ok(.tpm, "a TPM 2.0 answers at \(tcti)")
        case .fails(let problem): .failed(.tpm, problem)
        }
    }

    static func banks(_ facts: HostFacts) -> Finding {
        guard case .answers(_, let banks) = facts.tpm else {
            return .unknown(.banks, without: .tpm)
        }
        let names = banks.map { "\($0)" }.joined(separator: ", ")
        if banks.contains(where: { $0 != .sha1 }) { return .ok(.banks, "active: \(names)") }
        let remedy =
            "activate the SHA-256 bank in the firmware's TPM settings, or: tpm2_pcrallocate sha256:all, and reboot"
        guard !banks.isEmpty else {
            return .failed(.banks, "the TPM has no active PCR bank that Assay knows", remedy: remedy)
        }
        return .failed(
            .banks, "only SHA-1 is active, and verifiers refuse it unless attestation.banks lists it", remedy: remedy)
    }

    static func endorsement(_ facts: HostFacts) -> Finding {
        switch facts.endorsement {
        case .usable(let others):
            .ok(
                .endorsement,
                "the hierarchy is enabled and has no password"
                    + (others.isEmpty ? "" : "; no matter: " + others.map(\.rawValue).joined(separator: ", ")))
        case .fails(let problem): .failed(.endorsement, problem)
        case .unknown: .unknown(.endorsement, without: .tpm)
        }
    }

    static func attestationKey(_ facts: HostFacts) -> Finding {
        switch facts.attestationKey {
        case .loaded: .ok(.attestationKey, "this TPM has loaded it")
        case .none:
            .warning(
                .attestationKey, "none yet",
                remedy: "it is made when the host joins (assay-agent join) or by assay-agent key")
        case .fails(let problem): .failed(.attestationKey, problem)
        case .unknown: .unknown(.attestationKey, without: .tpm)
        }
    }
}

// MARK: - The agent's own things

extension Diagnosis {
    /// A certificate that ends sooner is worth a word.
    private static let soon: Int64 = 7 * 86_400
    /// 2025-01-01: before that no host ran this program.
    private static let earliest: Int64 = 1_735_689_600

    static func state(_ facts: HostFacts) -> Finding {
        switch facts.state {
        case .fails(let problem): .failed(.state, problem)
        case .writable(let path, _): .ok(.state, "\(path) can be written")
        }
    }

    static func shards(_ facts: HostFacts) -> Finding {
        switch facts.shards {
        case .fails(let problem): return .failed(.shards, problem)
        case .writable(let path, let free):
            let left = "\(path) has \(readableSize(free)) left"
            guard case .read(let survey) = facts.log, free < survey.bytes else { return .ok(.shards, left) }
            return .warning(
                .shards, "\(left), and the log has \(readableSize(survey.bytes)): what has no room isn't stored",
                remedy: "make room there, or name a folder on a larger file system (shards.directory)")
        }
    }

    static func clock(_ facts: HostFacts) -> Finding {
        guard facts.now >= earliest else {
            return .failed(
                .clock, "it is before 2025 on this host: no certificate is valid then",
                remedy: "set the clock, and install chrony or systemd-timesyncd")
        }
        guard facts.isClockSynchronised else {
            return .warning(
                .clock, "nothing keeps it in step (adjtimex says so); certificates are judged by it",
                remedy: "install chrony or systemd-timesyncd, and see: timedatectl")
        }
        return .ok(.clock, "in step with others")
    }

    static func certificate(_ facts: HostFacts) -> Finding {
        switch facts.certificate {
        case .fails(let problem): return .failed(.certificate, problem)
        case .absent(let path):
            return .warning(
                .certificate, path.map { "\($0) isn't there: this host has not joined" } ?? "this host has not joined",
                remedy: "on the verifier: assay-verifier invite; here: assay-agent join")
        case .present(let certificate, let identity):
            let renewal = "join again (assay-agent join), or renew it where your PKI does"
            if let fault = certificate.fault(at: facts.now) {
                return .failed(
                    .certificate, "\(identity)'s certificate \(fault)",
                    remedy: remedy(for: certificate, facts, renewal))
            }
            let left = (certificate.notAfter ?? .max) - facts.now
            guard left >= soon else {
                return .warning(
                    .certificate, "\(identity)'s certificate is valid for only \(Certificate.days(left))",
                    remedy: "see that assay-agent run is running, which renews it; else " + renewal)
            }
            if let exposed = facts.exposedKey {
                return .warning(.certificate, exposed.problem, remedy: exposed.remedy)
            }
            return .ok(.certificate, "\(identity)'s certificate is valid for \(Certificate.days(left))")
        }
    }

    /// A certificate that isn't valid yet may be right where this host's clock is wrong; where that is right, it was issued
    /// while the verifier's clock was ahead, and waiting for months is no remedy.
    private static func remedy(for certificate: Certificate, _ facts: HostFacts, _ renewal: String) -> String {
        guard case .future = certificate.validity(at: facts.now) else { return renewal }
        let again = "it was issued while the verifier's clock was ahead: set that right, then " + renewal
        return facts.isClockSynchronised
            ? "this host's clock is in step with others, so " + again
            : "see whether this host's clock is right (timedatectl), and set it if it isn't; if it is, " + again
    }

    static func verifier(_ facts: HostFacts) -> Finding {
        switch facts.verifier {
        case .welcomes(let address, let says): .ok(.verifier, "\(address) answers: \(says)")
        case .cautions(let address, let says):
            .warning(.verifier, "\(address) answers: \(says)", remedy: Status.Advice.askOperator.remedy)
        case .answers(let address):
            .warning(
                .verifier, "\(address) answers, takes this host's certificate, and doesn't say how this host stands",
                remedy: Status.Advice.install.remedy)
        case .notConfigured:
            .warning(
                .verifier, "none is configured", remedy: "assay-agent join, or set verifier.host")
        case .notTried:
            .unknown(.verifier, without: .certificate)
        case .fails(let problem): .failed(.verifier, problem)
        }
    }
}
