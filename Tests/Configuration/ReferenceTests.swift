import Foundation
import Settings
import TestSupport
import Testing

@testable import assay_agent
@testable import assay_verifier

/// A program's settings, as the code declares them and as the pages and files tell them.
struct Reference: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let schema: SettingsSchema
    let examplePath: String
    /// What the example sets, for it must be set on every host.
    let exampleValues: [String: String]

    static let all = [
        Reference(
            testDescription: "assay-agent", schema: AgentSettings.schema, examplePath: "Agent/Packaging/agent.yaml",
            exampleValues: [
                "verifier.host": "verifier.example", "tls.certificate": "/etc/assay/agent.pem",
                "tls.key": "/etc/assay/agent.key", "tls.trust": "/etc/assay/ca.pem",
            ]),
        Reference(
            testDescription: "assay-verifier", schema: VerifierSettings.schema,
            examplePath: "Verifier/Packaging/verifier.yaml",
            exampleValues: [
                "listen.host": "0.0.0.0", "tls.certificate": "/etc/assay/verifier.pem",
                "tls.key": "/etc/assay/verifier.key", "tls.trust": "/etc/assay/ca.pem",
            ]),
    ]
}

@Suite("Each setting") struct ReferenceTests {
    private let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
        try String(contentsOf: repository.appending(path: path), encoding: .utf8)
    }

    @Test("stands on the page as the code declares it", arguments: Reference.all) func page(reference: Reference) throws
    {
        let page = try text("Docs/configuration.md")
        let table = reference.schema.table.joined(separator: "\n")
        let isThere = page.contains("\n" + table + "\n\n")
        #expect(isThere, "Docs/configuration.md must have:\n\(table)")
    }

    @Test("stands in the example file, and the file is one", arguments: Reference.all)
    func example(reference: Reference) throws {
        let example = reference.schema.example(reference.exampleValues)
        let committed = try text(reference.examplePath)
        let isThere = committed.hasSuffix("\n\n" + example)
        #expect(isThere, "\(reference.examplePath) must end with:\n\(example)")
        let settings = try Settings(
            reference.schema, file: repository.appending(path: reference.examplePath).path, environment: [:])
        try settings.requireAll()
    }

    @Test("has a key of its own, a meaning and an environment variable", arguments: Reference.all)
    func distinct(reference: Reference) {
        let declarations = reference.schema.declarations
        #expect(Set(declarations.map(\.key)).count == declarations.count)
        #expect(Set(declarations.map { reference.schema.variable(for: $0) }).count == declarations.count)
        #expect(declarations.allSatisfy { !$0.meaning.isEmpty && !$0.meaning.contains("|") })
    }

    @Test("that a message names is one that a program has") func named() throws {
        let declared = Set(Reference.all.flatMap { $0.schema.declarations.map(\.key) })
        let sections = Set(declared.compactMap { $0.split(separator: ".").dropLast().first.map(String.init) })
        var named: Set<String> = []
        for line in try sources().flatMap({ $0.split(separator: "\n") }) {
            for literal in line.matches(of: #/"(?:[^"\\]|\\.)*"/#) {
                let text = literal.output.replacing(#/\\\([^)]*\)/#, with: "")
                for match in text.matches(of: #/(?:^|[\s("`])([a-z]+)\.([a-z_]+)\b(?![\/(.*])/#)
                where sections.contains(String(match.1)) && !Self.fileExtensions.contains(String(match.2)) {
                    named.insert("\(match.1).\(match.2)")
                }
            }
        }
        #expect(named.count > 10)
        #expect(named.subtracting(declared).isEmpty)
    }

    /// What stands behind a dot in a file's name, not in a setting's.
    private static let fileExtensions: Set = ["conf", "example", "json", "key", "md", "pem", "yaml"]

    /// All that the programs are made of.
    private func sources() throws -> [String] {
        try ["Agent", "Common", "Verifier"].flatMap { folder in
            let enumerator = FileManager.default.enumerator(
                at: repository.appending(path: folder), includingPropertiesForKeys: nil)
            return try (enumerator?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
                .map { try String(contentsOf: $0, encoding: .utf8) }
        }
    }

    @Test("of a server's IMA policy stands on the page as the file has it") func imaPolicy() throws {
        let rules = try text("Agent/Packaging/ima-policy").split(separator: "\n").filter { !$0.hasPrefix("#") }
        let block = "```text\n" + rules.map { "\($0)\n" }.joined() + "```\n"
        let isThere = try text("Docs/ima-policies.md").contains("\n\n" + block + "\n")
        #expect(isThere, "Docs/ima-policies.md must have:\n\(block)")
    }
}
