import ArgumentParser
import Foundation
import Testing

@testable import assay_agent
@testable import assay_verifier

@Suite("Each example of the manual pages") struct ManualExampleTests {
    /// The command lines of both programs.
    private static func commandLines() throws -> [String] {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = repository.appending(path: "Common/Packaging/manpages/examples")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("    ") && $0.contains(#/assay-(agent|verifier)\s/#) }.map(String.init)
    }

    /// What the shell would make of a line, with something in the place of what another command would say.
    private static func words(_ line: String) -> [String] {
        line.replacing(/\$\([^)]*\)/, with: "0").replacing(/\$[a-z0-9]+/, with: String(repeating: "0", count: 64))
            .prefix { !"|<>#".contains($0) }.split(separator: " ").map(String.init)
    }

    @Test("is a command line that its program takes") func parses() throws {
        let lines = try Self.commandLines()
        #expect(lines.count > 20)
        for line in lines {
            let words = Self.words(line)
            let program = try #require(words.lastIndex { $0 == "assay-agent" || $0 == "assay-verifier" })
            let arguments = Array(words[(program + 1)...])
            #expect(throws: Never.self, "\(line)") {
                if words[program] == "assay-agent" {
                    _ = try AgentCommand.parseAsRoot(arguments)
                } else {
                    _ = try VerifierCommand.parseAsRoot(arguments)
                }
            }
        }
    }
}
