import AssayCrypto
import Bytes
import Foundation
import TestSupport
import Testing

/// A case out of Tests/Fixtures/appraisal: what of it concerns the log's format and replay.
struct AppraisalCase: CustomTestStringConvertible, Sendable {
    /// Relative to Tests/Fixtures/appraisal, such as `ima-log/ng-ok`.
    let folder: String
    var testDescription: String { folder }

    static func all(_ kind: String) -> [AppraisalCase] {
        ((try? Fixtures.folders(in: "appraisal/" + kind)) ?? []).map { AppraisalCase(folder: kind + "/" + $0) }
    }

    /// case.json.
    struct Content: Decodable {
        struct Inputs: Decodable {
            struct PCR: Decodable { let index: UInt32 }
            let line: String?
            let log_ascii: String?
            let log_binary: String?
            let pcr: PCR?
        }
        struct Expected: Decodable {
            let verdict: String?
            let reasons: [String]?
            let pcr: UInt32?
            let template: String?
            let template_data: String?
            let column_hash: String?
            let column_is_sha1_of_template_data: Bool?
            let template_data_sha256: String?
        }
        let inputs: Inputs
        let expected: Expected
        let replay: [String: String]?
    }

    func content() throws -> Content {
        try JSONDecoder().decode(Content.self, from: Data(bytes("case.json")))
    }

    func bytes(_ file: String) throws -> [UInt8] {
        try Fixtures.bytes("appraisal/" + folder + "/" + file)
    }
}
