import Appraisal
import Bytes
import Foundation
import TestSupport

@testable import Offline

extension Case {
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

extension KernelRun {
    /// The options of a point's quote.
    func quote(_ point: Point, pem: Bool = false) throws -> AppraisalArguments {
        var arguments = AppraisalArguments()
        let name = "points/\(point.point)/"
        arguments.quote = path(name + "quote.tpms_attest")
        arguments.signature = path(name + "quote.tpmt_signature")
        arguments.pcrValues = path(name + "quote.pcrs")
        arguments.nonce = try bytes(name + "nonce.bin").hexadecimal
        arguments.attestationKey = path("tpm/ak-\(point.ak)." + (pem ? "pem" : "tpm2b_public"))
        return arguments
    }
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
