import AssayCrypto
import Doctor
import TestSupport

/// A host with which all is well, to be spoilt by a test.
struct Healthy {
    /// 2027-01-15.
    static let now: Int64 = 1_800_000_000

    static func facts() throws -> HostFacts {
        HostFacts(
            tpm: .answers(tcti: "device:/dev/tpmrm0", banks: [.sha1, .sha256]), endorsement: .usable(),
            attestationKey: .loaded,
            ima: .on(folder: "/sys/kernel/security/integrity/ima"),
            policy: IMAPolicy("measure func=BPRM_CHECK\nmeasure func=KEY_CHECK keyrings=.ima|_ima\n"),
            commandLine: KernelCommandLine("ima_policy=tcb ima_template=ima-sig"), log: .read(try survey(signedLog())),
            kexec: .init(carriesLog: true, isLoaded: true, gaps: []),
            state: .writable(path: "/var/lib/assay-agent", free: 1 << 30),
            shards: .writable(path: "/var/lib/ima-shards", free: 1 << 30),
            trimming: .init(isWanted: false, isOffered: false), now: now, isClockSynchronised: true,
            certificate: .present(try certificate(), identity: "web-1"),
            verifier: .welcomes(address: "verifier.example:7443", says: "agent web-1 is enrolled"))
    }

    static func survey(_ log: LogBuilder) throws -> LogSurvey {
        var survey = LogSurvey()
        try survey.take(log.bytes[...])
        return survey
    }

    static func signedLog() -> LogBuilder {
        var log = LogBuilder()
        log.bootAggregate()
        log.signed("/bin/true", LogBuilder.digest("x"), [3, 2, 4, 1, 2, 3, 4, 0, 1, 7])
        return log
    }

    /// Valid from 2026-11-22 to 2081-08-25; only its times matter here.
    static func certificate() throws -> Certificate {
        try Certificate(der: try Fixtures.bytes("kernel/k612-imasig-sha256/boot1/keys/k1.der"))
    }
}
