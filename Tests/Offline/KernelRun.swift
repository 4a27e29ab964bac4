import AssayCrypto
import Foundation
import TestSupport

@testable import Offline

/// One boot of a run of a real kernel (Tests/Fixtures/kernel), as its files lie there.
struct KernelRun {
    struct Expected: Decodable {
        let points: [Point]
    }

    struct Point: Decodable {
        let point: String
        let ak: String
        let matches_after_entries: [UInt64]
    }

    let folder: String
    let points: [Point]

    init(_ folder: String) throws {
        self.folder = "kernel/" + folder
        points = try JSONDecoder().decode(
            Expected.self, from: Data(try Fixtures.bytes("kernel/\(folder)/expected.json"))
        ).points
    }

    func path(_ name: String) -> String { Fixtures.path("\(folder)/\(name)") }

    /// The options of a point's quote.
    func quote(_ point: Point, pem: Bool = false) throws -> AppraisalArguments {
        var arguments = AppraisalArguments()
        let name = "points/\(point.point)/"
        arguments.quote = path(name + "quote.tpms_attest")
        arguments.signature = path(name + "quote.tpmt_signature")
        arguments.pcrValues = path(name + "quote.pcrs")
        arguments.nonce = try Fixtures.bytes("\(folder)/\(name)nonce.bin").map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
        arguments.attestationKey = path("tpm/ak-\(point.ak)." + (pem ? "pem" : "tpm2b_public"))
        return arguments
    }
}
