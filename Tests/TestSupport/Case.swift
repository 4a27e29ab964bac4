internal import Foundation

/// A case of Tests/Fixtures/appraisal: its case.json, with the names that it has there. Its MANIFEST says what they mean.
package struct Case: Sendable {
    package struct PCR: Decodable, Sendable {
        package let index: Int
        package let bank: String
        package let value: String
    }

    package struct Expected: Decodable, Sendable {
        package let verdict: String?
        package let reasons: [String]?
        package let learned_keyrings: [String: [String]]?
        package let next_entry: UInt64?
        package let pcrs: [String: String]?
        /// Of a signed policy.
        package let payload_sha256: String?
        /// Of a policy.
        package let sha256_of_file: String?
        package let counts: [String: Int]?
        package let key_ids: [String]?
        /// Of a policy that is made or converted.
        package let policy: String?
        package let digests: [String: [String]]?
        package let file_digest_algorithm: String?
        /// Of a record.
        package let pcr: UInt32?
        package let template: String?
        package let template_data: String?
        package let template_data_sha256: String?
        package let column_hash: String?
        package let column_is_sha1_of_template_data: Bool?
    }

    package struct Clock: Decodable, Sendable {
        package let clock: UInt64
        package let reset_count: UInt32
        package let restart_count: UInt32
        package let safe: Int
    }

    package struct Inputs: Decodable, Sendable {
        package let log_ascii: String?
        package let log_binary: String?
        package let policy: String?
        package let pcr: PCR?
        package let violations: String?
        package let verification_keys: [String]?
        package let boot_aggregates: [String: [String]]?
        package let attest: String?
        package let signature: String?
        package let pcr_values: String?
        package let bank: String?
        package let nonce_hex: String?
        package let ak: String?
        package let ak_pem: String?
        package let bound_data: String?
        package let previous_clock: Clock?
        package let envelope: String?
        package let key: String?
        package let keyring_json: String?
        package let line: String?
        package let checksum: String?
        package let allowlist: String?
        package let exclude_list: String?
    }

    package struct Round: Decodable, Sendable {
        package let start_entry: UInt64
        package let lines: [Int]
        package let pcr: PCR
        package let expected: Expected
        package let log_ascii: String?
        package let log_binary: String?
        package let agent_restarted_from_entry_0: Bool?
    }

    private struct File: Decodable, Sendable {
        let topic: String
        let inputs: Inputs
        let expected: Expected?
        let rounds: [Round]?
        let replay: [String: String]?
    }

    /// Relative to Tests/Fixtures/appraisal, such as `ima-log/ng-ok`.
    package let folder: String
    private let file: File
    package var topic: String { file.topic }
    package var inputs: Inputs { file.inputs }
    package var expected: Expected? { file.expected }
    package var rounds: [Round] { file.rounds ?? [] }
    /// Bank → PCR after the whole log.
    package var replay: [String: String] { file.replay ?? [:] }

    /// Reads a case.
    package init(_ folder: String) throws {
        self.folder = folder
        file = try JSONDecoder().decode(File.self, from: Data(try Fixtures.bytes("appraisal/\(folder)/case.json")))
    }

    /// Every case of a kind. A folder that can't be read is a case that fails.
    package static func all(_ kind: String) -> [String] {
        ((try? Fixtures.folders(in: "appraisal/\(kind)")) ?? []).map { "\(kind)/\($0)" }
    }

    /// One of its files.
    package func bytes(_ name: String) throws -> [UInt8] { try Fixtures.bytes("appraisal/\(folder)/\(name)") }

    /// A file's path.
    package func path(_ name: String) -> String { Fixtures.path("appraisal/\(folder)/\(name)") }
}
