import Appraisal
import AssayCrypto
import Foundation
import IMA
import Store
import SystemPackage
import TPM
import TestSupport

/// A process of its own for the store's tests: it is killed, or changes a store under the test's feet.
///
/// Usage: StoreWriter FOLDER commit AGENTS | policy BYTES | claim | hold | read | migrate | migrate-limited BYTES
@main
enum StoreWriter {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else { exit(2) }
        let number = arguments.count > 3 ? Int(arguments[3]) ?? 0 : 0
        switch arguments[2] {
        case "migrate": try migrateForever(FilePath(arguments[1]))
        case "migrate-limited": migrate(FilePath(arguments[1]), fileLimit: number)
        default: break
        }
        let store = try Store(path: FilePath(arguments[1]))
        switch arguments[2] {
        case "commit": try await commitForever(store, agents: number)
        case "policy":
            try await store.putPolicy("large", source: [UInt8](repeating: 7, count: number), compiled: [1], at: 1)
        case "claim":
            let claim = try store.claimServer()
            say("claimed")
            _ = readLine()
            withExtendedLifetime(claim) {}
        case "hold":
            say("held")
            _ = readLine()
        case "read":
            say("reading")
            while true { _ = try store.agents(limit: .max) }
        default: exit(2)
        }
        store.close()
    }

    /// Moves a store down and up until it is killed.
    static func migrateForever(_ path: FilePath) throws -> Never {
        say("migrating")
        while true {
            for version: UInt32 in [1, 2] { _ = try Migration.run(path, to: version) }
        }
    }

    /// Downgrades where no file may become larger: the system refuses the write as a full disk does.
    static func migrate(_ path: FilePath, fileLimit: Int) -> Never {
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: rlim_t(fileLimit), rlim_max: rlim_t(fileLimit))
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        do throws(StoreError) {
            _ = try Migration.run(path, to: 1)
            say("done")
        } catch {
            say("\(error.code)")
        }
        exit(0)
    }

    /// Commits outcomes of many agents at once, and tells each one's number after it was acknowledged.
    static func commitForever(_ store: Store, agents: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for agent in 0..<agents {
                group.addTask {
                    let id = try AgentID("agent-\(agent)")
                    while true {
                        let snapshot = try store.snapshot(of: id)
                        guard case .committed(let number) = try await store.commit(try outcome(snapshot)) else {
                            exit(3)
                        }
                        say("\(agent) \(number)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// An outcome whose every part tells the verdict's number, so that a torn commit shows.
    static func outcome(_ snapshot: AgentSnapshot) throws -> Outcome {
        let number = snapshot.basis.verdictNumber + 1
        var findings = Findings()
        findings.add(Finding(.violation, record: number, isWarning: true))
        let appraisal = AppraisalState(
            nextRecord: number, recordsReceived: number, fileRecords: number, lanes: [],
            keyrings: KeyringModel(keyrings: [Array(".ima".utf8): [key(number)]], unusable: []), findings: findings)
        let clock = ClockInfo(clock: number, resetCount: 1, restartCount: 0, isSafe: true)
        let quote = try SyntheticTPM.verifiedQuote(clock, over: PCRSelection(banks: [.sha256], pcrs: PCRSet([10])))
        return Outcome(
            agent: snapshot.agent.id, basis: snapshot.basis, quote: quote, appraisal: appraisal,
            tier: .warning, appraisedRecords: number, excessRecords: 0, findings: findings,
            challengedAt: Int64(number), givenAt: Int64(number))
    }

    private static func key(_ number: UInt64) -> LearnedKey {
        let der = Array("key \(number)".utf8)
        let digest = PCRBank.sha256.digest(of: der)
        return LearnedKey(
            keyID: KeyID(UInt32(truncatingIfNeeded: number)), certificateFingerprint: digest, fingerprint: digest,
            subject: nil, record: number, firstSeen: Int64(number),
            material: KeyMaterial(der: der, subjectPublicKeyInfo: der))
    }

    /// One write(2), so that lines of several threads don't mix and a kill doesn't cut one.
    private static func say(_ line: String) {
        _ = try? FileDescriptor.standardOutput.writeAll((line + "\n").utf8)
    }
}
