import AssayCrypto
import Doctor
import Foundation
import SystemPackage
import TPMDevice
import TestSupport
import Testing
import Transport

@Suite("A host, looked at", .serialized) struct HostProbeTests {
    /// A folder that is gone afterwards.
    private func inFolder(_ body: (FilePath) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-doctor-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(FilePath(folder.path))
    }

    private func probe(_ folder: FilePath, tcti: String = "swtpm:host=127.0.0.1,port=9") -> HostProbe {
        HostProbe(
            tcti: tcti, keyFile: AttestationKeyFile(path: folder.appending("key").string),
            logPath: folder.appending("securityfs/integrity/ima"), stateFolder: folder.appending("state/agent"),
            certificateFile: nil, verifier: nil)
    }

    private func place(_ fixture: String, _ name: String, in folder: FilePath) throws {
        let target = folder.appending("securityfs/integrity/ima")
        try FileManager.default.createDirectory(atPath: target.string, withIntermediateDirectories: true)
        try Data(try Fixtures.bytes("kernel/k612-imasig-sha256/boot1/\(fixture)"))
            .write(to: URL(filePath: target.appending(name).string))
    }

    @Test("shows what its kernel and its TPM tell") func healthy() async throws {
        let tpm = try SoftwareTPM()
        defer { tpm.stop() }
        try await inFolder { folder in
            try place("log/binary_runtime_measurements", "binary_runtime_measurements", in: folder)
            try place("policy.txt", "policy", in: folder)
            let facts = await probe(folder, tcti: tpm.tcti).facts()
            guard case .answers(_, let banks) = facts.tpm else {
                Issue.record("\(facts.tpm)")
                return
            }
            #expect(banks.contains(.sha256))
            #expect(facts.attestationKey == .none)
            #expect(facts.ima == .on(folder: folder.appending("securityfs/integrity/ima").string))
            #expect(facts.policy?.measuresKeys(of: ".ima") == true)
            guard case .read(let survey) = facts.log else {
                Issue.record("\(facts.log)")
                return
            }
            #expect(survey.beginning == .bootAggregate && survey.files > 0)
            guard case .writable(_, let free) = facts.state else {
                Issue.record("\(facts.state)")
                return
            }
            #expect(free > 0)
            #expect(facts.certificate == .absent(path: nil) && facts.verifier == .notConfigured)
            #expect(facts.now > 1_735_689_600)
            // Nothing was made on the host.
            #expect(!FileManager.default.fileExists(atPath: folder.appending("state").string))
        }
    }

    @Test("shows its own attestation key, and another TPM's") func keys() async throws {
        let tpm = try SoftwareTPM()
        let other = try SoftwareTPM()
        defer {
            tpm.stop()
            other.stop()
        }
        try await inFolder { folder in
            let key = try await TPMDevice(tcti: tpm.tcti).createAttestationKey(.p256)
            try AttestationKeyFile(path: folder.appending("key").string).write(key)
            #expect(await probe(folder, tcti: tpm.tcti).facts().attestationKey == .loaded)
            guard case .fails(let problem) = await probe(folder, tcti: other.tcti).facts().attestationKey else {
                Issue.record("another TPM's key was taken")
                return
            }
            #expect(problem.reason.contains("not this TPM's") && problem.remedy.contains("join"))
        }
    }

    @Test("without anything shows what is missing") func bare() async throws {
        try await inFolder { folder in
            var facts = await probe(folder).facts()
            guard case .fails(let problem) = facts.tpm else {
                Issue.record("\(facts.tpm)")
                return
            }
            #expect(problem.reason.contains("127.0.0.1") && !problem.remedy.isEmpty)
            #expect(facts.attestationKey == .unknown && facts.policy == nil)
            #expect(facts.ima == .hidden(folder: folder.appending("securityfs/integrity/ima").string))
            try FileManager.default.createDirectory(
                atPath: folder.appending("securityfs/lockdown").string, withIntermediateDirectories: true)
            facts = await probe(folder).facts()
            #expect(facts.ima == .off(folder: folder.appending("securityfs/integrity/ima").string))
            guard case .fails(let missing) = facts.log else {
                Issue.record("\(facts.log)")
                return
            }
            #expect(missing.remedy.contains("IMA"))
            #expect(!Diagnosis(facts).canBeAttested)
        }
    }

    @Test("shows a log that is none") func malformed() async throws {
        try await inFolder { folder in
            var probe = probe(folder)
            probe.logPath = folder.appending("file")
            try Data("nothing that a kernel would write".utf8).write(to: URL(filePath: probe.logPath.string))
            let facts = await probe.facts()
            #expect(facts.ima == .file(probe.logPath.string))
            guard case .fails(let problem) = facts.log else {
                Issue.record("\(facts.log)")
                return
            }
            #expect(problem.reason.contains("no measurement log") && problem.remedy.contains("log.path"))
        }
    }
}
