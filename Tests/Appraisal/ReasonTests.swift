import Appraisal
import Foundation
import TestSupport
import Testing

@Suite("Reasons") struct ReasonTests {
    @Test("every word of the closed list is explained, with its remedy, in Docs/reasons.md", arguments: Reason.allCases)
    func documented(reason: Reason) throws {
        let page = Fixtures.folder.appending(path: "../../Docs/reasons.md").standardizedFileURL
        let line = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
            .first { $0.hasPrefix("| `\(reason.rawValue)` |") }
        #expect(line?.hasSuffix("| \(reason.remedy) |") == true)
    }
}
