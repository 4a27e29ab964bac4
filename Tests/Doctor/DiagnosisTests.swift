import AssayCrypto
import Doctor
import TPMDevice
import TestSupport
import Testing

/// One thing that is amiss, and what the doctor must say of it.
struct Ailment: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let check: Check
    let state: Finding.State
    /// Words of the sentence or of its remedy.
    let says: [String]
    let spoil: @Sendable (inout HostFacts) throws -> Void

    init(
        _ testDescription: String, _ check: Check, _ state: Finding.State, says: String...,
        spoil: @escaping @Sendable (inout HostFacts) throws -> Void
    ) {
        self.testDescription = testDescription
        self.check = check
        self.state = state
        self.says = says
        self.spoil = spoil
    }

    static let all = tpm + kernel + log + own + memory
    private static let problem = HostFacts.Problem("it broke", remedy: "mend it")

    static let tpm = [
        Ailment("no TPM", .tpm, .failed, says: "it broke", "mend it") { $0.tpm = .fails(problem) },
        Ailment("no TPM to ask for banks", .banks, .unknown, says: "see tpm") { $0.tpm = .fails(problem) },
        Ailment("only SHA-1 active", .banks, .failed, says: "SHA-1", "sha256:all") {
            $0.tpm = .answers(tcti: "x", banks: [.sha1])
        },
        Ailment("no bank active", .banks, .failed, says: "no active PCR bank", "sha256:all") {
            $0.tpm = .answers(tcti: "x", banks: [])
        },
        Ailment("other passwords in the TPM", .endorsement, .ok, says: "no matter: the owner hierarchy's password") {
            $0.endorsement = .usable(others: [.ownerPassword])
        },
        Ailment("an endorsement hierarchy with a password", .endorsement, .failed, says: "it broke", "mend it") {
            $0.endorsement = .fails(problem)
        },
        Ailment("no TPM to ask for its hierarchies", .endorsement, .unknown, says: "see tpm") {
            $0.endorsement = .unknown
        },
        Ailment("no attestation key yet", .attestationKey, .warning, says: "none yet", "join") {
            $0.attestationKey = .none
        },
        Ailment("another TPM's attestation key", .attestationKey, .failed, says: "it broke", "mend it") {
            $0.attestationKey = .fails(problem)
        },
        Ailment("an attestation key and no TPM", .attestationKey, .unknown, says: "see tpm") {
            $0.attestationKey = .unknown
        },
    ]

    static let kernel = [
        Ailment("a kernel without IMA", .ima, .failed, says: "off", "CONFIG_IMA") { $0.ima = .off(folder: "/s") },
        Ailment("securityfs not mounted", .ima, .failed, says: "securityfs", "mount -t") {
            $0.ima = .hidden(folder: "/s")
        },
        Ailment("a log that is a file", .ima, .ok, says: "/log") { $0.ima = .file("/log") },
        Ailment("rules that measure no files", .policy, .failed, says: "none measures files", "ima_policy=tcb") {
            $0.policy = IMAPolicy("measure func=KEY_CHECK\ndont_measure fsmagic=0x9fa0\n")
        },
        Ailment("no files measured", .policy, .failed, says: "no policy is loaded", "ima_policy=tcb") {
            $0.policy = nil
            var log = LogBuilder()
            log.bootAggregate()
            $0.log = .read(try Healthy.survey(log))
        },
        Ailment("rules that the kernel doesn't show", .policy, .ok, says: "ima_policy=tcb", "1 files") {
            $0.policy = nil
        },
        Ailment("no KEY_CHECK rule", .keys, .warning, says: "none can be learned", "func=KEY_CHECK") {
            $0.policy = IMAPolicy("measure func=BPRM_CHECK\n")
        },
        Ailment("a KEY_CHECK rule for other keyrings", .keys, .warning, says: ".evm", "keyrings=.ima|_ima") {
            $0.policy = IMAPolicy("measure func=BPRM_CHECK\nmeasure func=KEY_CHECK keyrings=.evm\n")
        },
        Ailment("a KEY_CHECK rule for all keyrings", .keys, .ok, says: "of all keyrings") {
            $0.policy = IMAPolicy("measure func=BPRM_CHECK\nmeasure func=KEY_CHECK\n")
        },
        Ailment("hidden rules and no keys in the log", .keys, .warning, says: "no key is in the log", "KEY_CHECK") {
            $0.policy = nil
        },
        Ailment("hidden rules and keys of _ima in the log", .keys, .ok, says: "_ima") {
            $0.policy = nil
            $0.log = .read(try Healthy.survey(keyed("_ima")))
        },
        Ailment(
            "hidden rules and keys of others in the log", .keys, .warning, says: ".platform", "keys are measured",
            "doesn't show", "keyctl show"
        ) {
            $0.policy = nil
            $0.log = .read(try Healthy.survey(keyed(".platform")))
        },
        Ailment("no KEY_CHECK rule any more, and keys in the log", .keys, .warning, says: "for _ima, from before") {
            $0.policy = IMAPolicy("measure func=BPRM_CHECK\n")
            $0.log = .read(try Healthy.survey(keyed("_ima")))
        },
        Ailment("a keyring's name that would act on a terminal", .keys, .warning, says: "\\x1b") {
            $0.policy = nil
            $0.log = .read(try Healthy.survey(keyed("\u{1b}[2J")))
        },
    ]

    static let log = [
        Ailment("a log that can't be read", .log, .failed, says: "it broke", "mend it") { $0.log = .fails(problem) },
        Ailment("a log that isn't there, for IMA is off", .log, .unknown, says: "see ima") {
            $0.ima = .off(folder: "/s")
            $0.log = .fails(problem)
        },
        Ailment("no log to tell the template by", .template, .unknown, says: "see log") { $0.log = .fails(problem) },
        Ailment("no log to tell the policy by", .policy, .unknown, says: "see log") {
            $0.policy = nil
            $0.log = .fails(problem)
        },
        Ailment("no log to tell the keys by", .keys, .unknown, says: "see log") {
            $0.policy = nil
            $0.log = .fails(problem)
        },
        Ailment("an empty log", .log, .failed, says: "empty", "log.path") { $0.log = .read(LogSurvey()) },
        Ailment("a log without a TPM", .log, .failed, says: "found no TPM", "built in") {
            var log = LogBuilder()
            log.add("ima-ng", log.digestField([UInt8](repeating: 0, count: 32)) + log.nameField("boot_aggregate"))
            $0.log = .read(try Healthy.survey(log))
        },
        Ailment("a log that was cut", .log, .warning, says: "boot_aggregate", "reboot") {
            var log = LogBuilder()
            log.file("/bin/true", "x")
            $0.log = .read(try Healthy.survey(log))
        },
        Ailment("a log that takes the kernel long", .log, .warning, says: "100,002 records", "dont_measure") {
            var log = Healthy.signedLog()
            var survey = try Healthy.survey(log)
            log = LogBuilder()
            for index in 0..<1000 { log.file("/\(index)", "x") }
            for _ in 0..<100 { try survey.take(log.bytes[...]) }
            $0.log = .read(survey)
        },
        Ailment(
            "a template without signatures", .template, .warning, says: "ima-ng", "only digests", "ima_template=ima-sig"
        ) {
            var log = LogBuilder()
            log.bootAggregate()
            log.file("/bin/true", "x")
            $0.log = .read(try Healthy.survey(log))
        },
        Ailment("some templates without signatures", .template, .warning, says: "1 of 2 files") {
            var log = Healthy.signedLog()
            log.file("/bin/false", "x")
            $0.log = .read(try Healthy.survey(log))
        },
        Ailment("no file yet, and ima-sig to come", .template, .ok, says: "command line") {
            $0.log = .read(LogSurvey())
        },
        Ailment("no file yet, and ima-ng to come", .template, .warning, says: "ima-ng", "ima_template=ima-sig") {
            $0.log = .read(LogSurvey())
            $0.commandLine = KernelCommandLine("ima_template=ima-ng")
        },
        Ailment("no file yet, and a format of its own to come", .template, .ok, says: "d-ng|n-ng|sig") {
            $0.log = .read(LogSurvey())
            $0.commandLine = KernelCommandLine("ima_template_fmt=d-ng|n-ng|sig")
        },
        Ailment("no file yet, and an unknown template to come", .template, .warning, says: "isn't known") {
            $0.log = .read(LogSurvey())
            $0.commandLine = KernelCommandLine("")
        },
    ]

    static let own = [
        Ailment("a state folder that can't be written", .state, .failed, says: "mend it") {
            $0.state = .fails(problem)
        },
        Ailment("a full disk", .shards, .warning, says: "10 B", "make room") {
            $0.shards = .writable(path: "/var/lib/ima-shards", free: 10)
        },
        Ailment("a folder for shards that can't be written", .shards, .failed, says: "mend it") {
            $0.shards = .fails(problem)
        },
        Ailment("a clock that was never set", .clock, .failed, says: "2025", "set the clock") { $0.now = 1000 },
        Ailment("a clock that nothing keeps in step", .clock, .warning, says: "adjtimex", "chrony") {
            $0.isClockSynchronised = false
        },
        Ailment("a host that never joined", .certificate, .warning, says: "not joined", "invite", "assay-agent join") {
            $0.certificate = .absent(path: nil)
        },
        Ailment("a certificate that isn't there", .certificate, .warning, says: "/c.pem") {
            $0.certificate = .absent(path: "/c.pem")
        },
        Ailment("a certificate that is none", .certificate, .failed, says: "mend it") {
            $0.certificate = .fails(problem)
        },
        Ailment("a certificate of tomorrow", .certificate, .failed, says: "only in 24 hours", "join") {
            $0.now = (try Healthy.certificate().notBefore ?? 0) - 86_400
        },
        Ailment(
            "a certificate of tomorrow, by a clock that may be wrong", .certificate, .failed, says: "only in 24 hours",
            "timedatectl"
        ) {
            $0.now = (try Healthy.certificate().notBefore ?? 0) - 86_400
            $0.isClockSynchronised = false
        },
        Ailment("a certificate of yesterday", .certificate, .failed, says: "invalid for 24 hours", "join") {
            $0.now = (try Healthy.certificate().notAfter ?? 0) + 86_400
        },
        Ailment("a certificate that ends within a week", .certificate, .warning, says: "only 6 days", "renews") {
            $0.now = (try Healthy.certificate().notAfter ?? 0) - 6 * 86_400
        },
        Ailment("no verifier configured", .verifier, .warning, says: "none", "join") { $0.verifier = .notConfigured },
        Ailment("no certificate to show", .verifier, .unknown, says: "see certificate") { $0.verifier = .notTried },
        Ailment("a verifier that says what to do", .verifier, .warning, says: "NO POLICY", "the verifier says") {
            $0.verifier = .cautions(address: "v:1", says: "NO POLICY judges it")
        },
        Ailment("a verifier of another release", .verifier, .warning, says: "doesn't say how", "same release") {
            $0.verifier = .answers(address: "v:1")
        },
        Ailment("a verifier that refuses", .verifier, .failed, says: "mend it") { $0.verifier = .fails(problem) },
    ]

    static let memory = [
        Ailment("a kernel that carries nothing over a kexec", .kexec, .ok, says: "no CONFIG_IMA_KEXEC", "is lost") {
            $0.kexec = .init(carriesLog: false, isLoaded: false, gaps: [])
        },
        Ailment("such a kernel, and the next one loaded", .kexec, .warning, says: "is loaded", "snapshot", "kexec -s") {
            $0.kexec = .init(carriesLog: false, isLoaded: true, gaps: [])
        },
        Ailment("a kernel whose configuration isn't there", .kexec, .ok, says: "can't be read", "is lost") {
            $0.kexec = .init(carriesLog: nil, isLoaded: false, gaps: [])
        },
        Ailment("such a kernel, and the next one loaded", .kexec, .warning, says: "can't be read", "snapshot") {
            $0.kexec = .init(carriesLog: nil, isLoaded: true, gaps: [])
        },
        Ailment("a kexec that may have lost records", .kexec, .warning, says: "one; two", "verify", "not by kexec") {
            $0.kexec.gaps = ["one", "two"]
        },
        Ailment("trimming without the flag", .trimming, .warning, says: "3 %", "ima_flush_htable", "only by the replay")
        {
            $0.trimming = .init(isWanted: true, isOffered: true)
        },
        Ailment("trimming with the flag", .trimming, .ok, says: "twice", "only by the replay") {
            $0.trimming = .init(isWanted: true, isOffered: true)
            $0.commandLine = KernelCommandLine("quiet ima_flush_htable ima_policy=tcb")
        },
        Ailment("a kernel that can't trim", .trimming, .warning, says: "can't free", "CONFIG_IMA_STAGING", "trim: off")
        {
            $0.trimming = .init(isWanted: true, isOffered: false)
        },
        Ailment("a kernel that could trim", .trimming, .ok, says: "could free", "only by the replay") {
            $0.trimming = .init(isWanted: false, isOffered: true)
        },
    ]

    static func keyed(_ keyring: String) throws -> LogBuilder {
        var log = Healthy.signedLog()
        log.buffer(keyring, try Fixtures.bytes("kernel/k612-imasig-sha256/boot1/keys/k1.der"))
        return log
    }
}

@Suite("The doctor") struct DiagnosisTests {
    @Test("finds nothing on a host that is well") func healthy() throws {
        let diagnosis = Diagnosis(try Healthy.facts())
        #expect(diagnosis.canBeAttested)
        #expect(diagnosis.findings.map(\.check) == Check.allCases)
        for finding in diagnosis.findings { #expect(finding.state == .ok && finding.remedy == nil, "\(finding)") }
    }

    @Test("never says that the KEY_CHECK rule is missing where the rules are hidden and keys are in the log")
    func hiddenRules() throws {
        for keyring in [".platform", ".builtin_trusted_keys", "_ima"] {
            var facts = try Healthy.facts()
            facts.policy = nil
            facts.log = .read(try Healthy.survey(Ailment.keyed(keyring)))
            let finding = try #require(Diagnosis(facts).findings.first { $0.check == .keys })
            let text = finding.says + (finding.remedy ?? "")
            #expect(!text.contains("KEY_CHECK") && !text.contains("no rule"), "\(text)")
        }
    }

    @Test("tells", arguments: Ailment.all) func ailment(ailment: Ailment) throws {
        var facts = try Healthy.facts()
        try ailment.spoil(&facts)
        let diagnosis = Diagnosis(facts)
        let finding = try #require(diagnosis.findings.first { $0.check == ailment.check })
        #expect(finding.state == ailment.state, "\(finding)")
        let text = finding.says + " " + (finding.remedy ?? "")
        for words in ailment.says { #expect(text.contains(words), "\(text)") }
        // What is amiss and could be mended comes with how.
        #expect((finding.remedy != nil) == (finding.state == .warning || finding.state == .failed))
        #expect(diagnosis.canBeAttested == !diagnosis.findings.contains { $0.state == .failed })
        if ailment.state == .failed { #expect(!diagnosis.canBeAttested) }
    }
}
