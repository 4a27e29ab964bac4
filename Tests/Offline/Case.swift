import Appraisal
import Foundation
import TestSupport

@testable import Offline

/// A case of Tests/Fixtures/appraisal, as somebody would put it to `assay-verifier appraise`.
struct Case: Sendable {
    struct PCR: Decodable, Sendable {
        let index: Int
        let bank: String
        let value: String
    }

    struct Expected: Decodable, Sendable {
        let verdict: String?
        let reasons: [String]?
        let learned_keyrings: [String: [String]]?
        let next_entry: UInt64?
        let pcrs: [String: String]?
    }

    struct Clock: Decodable, Sendable {
        let clock: UInt64
        let reset_count: UInt32
        let restart_count: UInt32
        let safe: Int
    }

    struct Inputs: Decodable, Sendable {
        let log_ascii: String?
        let log_binary: String?
        let policy: String?
        let pcr: PCR?
        let violations: String?
        let verification_keys: [String]?
        let boot_aggregates: [String: [String]]?
        let attest: String?
        let signature: String?
        let pcr_values: String?
        let bank: String?
        let nonce_hex: String?
        let ak: String?
        let ak_pem: String?
        let bound_data: String?
        let previous_clock: Clock?
    }

    struct Round: Decodable, Sendable {
        let start_entry: UInt64
        let lines: [Int]
        let pcr: PCR
        let expected: Expected
        let log_ascii: String?
        let log_binary: String?
        let agent_restarted_from_entry_0: Bool?
    }

    struct File: Decodable, Sendable {
        let inputs: Inputs
        let expected: Expected?
        let rounds: [Round]?
        let replay: [String: String]?
    }

    let folder: String
    let file: File
    var inputs: Inputs { file.inputs }

    init(_ folder: String) throws {
        self.folder = folder
        file = try JSONDecoder().decode(File.self, from: Data(try Fixtures.bytes("appraisal/\(folder)/case.json")))
    }

    /// Every case of a kind. A folder that can't be read is a case that fails.
    static func all(_ kind: String) -> [String] {
        ((try? Fixtures.folders(in: "appraisal/\(kind)")) ?? []).map { "\(kind)/\($0)" }
    }

    func path(_ name: String) -> String { Fixtures.path("appraisal/\(folder)/\(name)") }

    /// The options that all of the case's inputs but the log stand for.
    func arguments() -> AppraisalArguments {
        var arguments = AppraisalArguments()
        arguments.policy = inputs.policy.map(path)
        arguments.violations = inputs.violations
        arguments.pcrs = inputs.pcr.map { ["\($0.bank):\($0.value)"] } ?? []
        arguments.pcrIndex = inputs.pcr?.index ?? 10
        if let keys = inputs.verification_keys {
            arguments.keys = keys.map(path)
            arguments.requiresSignatures = inputs.policy == nil
        }
        arguments.bootAggregates = (inputs.boot_aggregates ?? [:]).flatMap { bank, values in
            values.map { "\(bank):\($0)" }
        }
        return arguments
    }

    /// The log in each of its forms.
    var logs: [String] { [inputs.log_binary, inputs.log_ascii].compactMap { $0 } }
}

extension Fixtures {
    /// A fixture's path.
    static func path(_ name: String) -> String { folder.appending(path: name).path }
}

/// Appraises as the command would.
func appraise(_ arguments: AppraisalArguments) throws(OfflineError) -> AppraisalReport {
    try OfflineAppraisal(try AppraisalRequest(arguments), time: 1_700_000_000).run()
}

extension AppraisalReport {
    /// The report's JSON, read again.
    func object() throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8))
        return object as? [String: Any] ?? [:]
    }

    /// The reasons of all failures.
    var reasons: Set<String> { Set(findings.failures.keys.map(\.rawValue)) }
}

/// A folder for a test's files, removed with its owner.
final class TemporaryFolder {
    private let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "offline-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// A file's path.
    func path(_ name: String) -> String { url.appending(path: name).path }

    /// Writes a file, and says where.
    func write(_ bytes: some Sequence<UInt8>, _ name: String) throws -> String {
        try Data(bytes).write(to: url.appending(path: name))
        return path(name)
    }

    /// The names of its files.
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
}
