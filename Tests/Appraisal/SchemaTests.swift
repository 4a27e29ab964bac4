import Bytes
import Foundation
import TestSupport
import Testing

@testable import Appraisal

/// As much of JSON Schema (draft 2020-12) as Docs/policy.schema.json uses; a word that isn't known here is an error.
private struct Schema {
    struct Unknown: Error { let word: String }

    let root: JSON

    func accepts(_ value: JSON) throws -> Bool { try accepts(value, root) }

    private func accepts(_ value: JSON, _ schema: JSON) throws -> Bool {
        let words = schema.members
        for (word, rule) in words {
            let holds: Bool
            switch word {
            case "$schema", "$id", "title", "description", "$defs": holds = true
            case "$ref": holds = try accepts(value, try definition(rule.text))
            case "type": holds = try isOf(rule.text, value)
            case "const": holds = value == rule
            case "enum": holds = rule.elements.contains(value)
            case "minimum": holds = try value.number >= rule.number
            case "maximum": holds = try value.number <= rule.number
            case "pattern": holds = try value.text.contains(Regex(rule.text))
            case "required": holds = rule.elements.allSatisfy { value.members[$0.text] != nil }
            case "items": holds = try value.elements.allSatisfy { try accepts($0, rule) }
            case "anyOf": holds = try rule.elements.contains { try accepts(value, $0) }
            case "properties", "patternProperties", "additionalProperties": holds = try membersFit(value, words)
            default: throw Unknown(word: word)
            }
            if !holds { return false }
        }
        return true
    }

    private func membersFit(_ value: JSON, _ words: [String: JSON]) throws -> Bool {
        for (name, member) in value.members {
            var isNamed = false
            if let rule = words["properties"]?.members[name] {
                isNamed = true
                guard try accepts(member, rule) else { return false }
            }
            for (pattern, rule) in words["patternProperties"]?.members ?? [:] where try name.contains(Regex(pattern)) {
                isNamed = true
                guard try accepts(member, rule) else { return false }
            }
            guard !isNamed, let rule = words["additionalProperties"] else { continue }
            if rule == .bool(false) { return false }
            guard try accepts(member, rule) else { return false }
        }
        return true
    }

    private func definition(_ reference: String) throws -> JSON {
        guard let name = reference.split(separator: "/").last,
            let found = root.members["$defs"]?.members[String(name)]
        else { throw Unknown(word: reference) }
        return found
    }

    private func isOf(_ type: String, _ value: JSON) throws -> Bool {
        switch (type, value) {
        case ("object", .object), ("array", .array), ("string", .string), ("integer", .integer), ("number", .integer),
            ("number", .otherNumber):
            true
        case ("object", _), ("array", _), ("string", _), ("integer", _), ("number", _): false
        default: throw Unknown(word: type)
        }
    }
}

extension JSON {
    fileprivate var members: [String: JSON] {
        guard case .object(let members) = self else { return [:] }
        return Dictionary(members.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }) { first, _ in first }
    }
    fileprivate var elements: [JSON] { if case .array(let values) = self { values } else { [] } }
    fileprivate var text: String {
        if case .string(let text) = self { String(decoding: text, as: UTF8.self) } else { "" }
    }
    fileprivate var number: Int64 {
        get throws {
            guard case .integer(let number) = self else { throw Schema.Unknown(word: kind) }
            return number
        }
    }
}

@Suite("Docs/policy.schema.json")
struct SchemaTests {
    private let schema: Schema

    init() throws {
        let file = Fixtures.folder.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Docs/policy.schema.json")
        schema = Schema(root: try JSONParser.parse([UInt8](try Data(contentsOf: file))))
    }

    /// What is wrong with these is in their expressions and keys, of which a schema knows nothing.
    private static let beyond: Set<String> = ["policy/sc-excludeBadRegex", "policy/keys-notJson"]

    static let cases = (Case.all("policy") + Case.all("ima-log")).filter { (try? Case($0))?.inputs.policy != nil }

    @Test("accepts what the reader does", arguments: cases)
    func fixtures(folder: String) throws {
        let test = try Case(folder)
        let source = try test.bytes(try #require(test.inputs.policy))
        let accepts = try schema.accepts(JSONParser.parse(source))
        if Self.beyond.contains(folder) {
            #expect(accepts)
        } else {
            // An expression that doesn't compile is the one other thing that keeps a log's policy from loading.
            let faults = PolicyCheck(source: source).faults.filter { !$0.place.hasPrefix("excludes[") }
            #expect(accepts == faults.isEmpty, "\(faults)")
        }
    }

    /// Values of the section `assay`, and whether they are as they should be.
    static let sections: [(String, Bool)] = [
        (#""violations": "fail""#, true), (#""violations": "perhaps""#, false), (#""violations": 1"#, false),
        (#""violations": {"default": "warn", "paths": [{"glob": "/x", "action": "ignore"}]}"#, true),
        (#""violations": {"paths": [{"glob": "/x"}]}"#, false), (#""violations": {"other": 1}"#, false),
        (#""violations": {"paths": [{"glob": "/x", "action": "ignore", "more": 1}]}"#, false),
        (#""unlisted_keyrings": "ignore""#, true), (#""unlisted_keyrings": ["ignore"]"#, false),
        (#""file_keyrings": [".machine"]"#, true), (#""file_keyrings": [1]"#, false),
        (#""exclude_globs": ["/tmp/**"]"#, true), (#""exclude_globs": "/tmp/**""#, false),
        (#""unrooted_names": ["memfd:"]"#, true), (#""unrooted_names": [1]"#, false),
        (#""templates": ["d-ng|n-ng", "d|n-ng|sig"]"#, true), (#""templates": ["n-ng|d-ng"]"#, false),
        (#""templates": "d-ng|n-ng""#, false), (#""templates": ["ima-ng"]"#, false),
        (#""templates": ["d-ng|n-ng|sig|sig"]"#, false), (#""templates": ["d-ng|n-ng|xattrvalues"]"#, false),
        (#""templates": ["d-ng|n-ng|d-modsig|modsig", "d|n|xattrvalues"]"#, true),
        (#""templates": ["d-ng|n-ng|d"]"#, false), (#""templates": ["d-ng|n-ng|"]"#, false),
        (
            #""templates": ["d-ngv2|n|iuid|igid|imode|sig|evmsig|xattrnames|xattrlengths|xattrvalues|modsig|d-modsig"]"#,
            true
        ),
        (#""pcrs": {"7": {"sha256": ["\#(hex("7"))"]}}"#, true),
        (#""pcrs": {"7": {"sha256": ["\#(hex("7", 20))"]}}"#, false),
        (#""padded_banks": "ignore""#, true), (#""padded_banks": ["warn"]"#, false),
        (#""pcrs": {"24": {}}"#, false), (#""pcrs": {"07": {}}"#, false), (#""pcrs": {"0": {"md5": []}}"#, false),
        (#""pcrs": {"23": {"sha1": []}}"#, true), (#""mystery": 1"#, false), ("", true),
    ]

    @Test("says of the section assay what the reader does", arguments: sections)
    func assay(section: String, isGood: Bool) throws {
        let text = source(assay: section)
        #expect(try schema.accepts(JSONParser.parse(text)) == isGood)
        #expect(PolicyCheck(source: text).faults.isEmpty == isGood)
    }

    @Test("names what the reader knows, and nothing else")
    func names() throws {
        // The writer writes every member that the reader knows, but for the timestamp.
        let text = source(
            assay: """
                "violations": {"default": "fail", "paths": [{"glob": "/v", "action": "ignore"}]},
                "unlisted_keyrings": "ignore", "file_keyrings": ["k"], "exclude_globs": ["/g"],
                "unrooted_names": ["x"], "templates": ["d|n"], "padded_banks": "warn",
                "pcrs": {"7": {"sha1": [], "sha256": [], "sha384": [], "sha512": []}}
                """)
        let written = try JSONParser.parse(try PolicyDocument.read(text).document.json)
        let properties = try #require(schema.root.members["properties"])
        func names(_ json: JSON?) -> Set<String> { Set((json?.members ?? [:]).keys) }
        #expect(names(properties) == names(written))
        func section(_ name: String) -> JSON? { properties.members[name]?.members["properties"] }
        #expect(names(section("meta")) == names(written.members["meta"]).union(["timestamp"]))
        #expect(names(section("ima")) == names(written.members["ima"]))
        #expect(names(section("assay")) == names(written.members["assay"]))
    }
}
