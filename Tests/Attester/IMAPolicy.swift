import Foundation
import TestSupport

/// A measurement policy as a kernel applies it, for the conditions that the tests' rules have: the first rule that fits
/// decides (Linux, security/integrity/ima/ima_policy.c, `ima_match_policy`).
struct IMAPolicy {
    /// A file that is about to be used.
    struct Access {
        var function = "FILE_CHECK"
        var reads = false
        var writes = false
        var executes = false
        var user: UInt32 = 0
        var group: UInt32 = 0
        var fileSystem: UInt32 = 0xef53  // ext4
    }

    private struct Rule {
        let measures: Bool
        let conditions: [(key: Substring, value: Substring)]
    }

    private let rules: [Rule]

    /// What fits no condition that is known here is an error: a rule must not seem to do what it doesn't.
    struct UnknownCondition: Error {
        let condition: String
    }

    init(_ text: String) throws {
        rules = try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let words = line.split(separator: " ")
            guard let action = words.first, action == "measure" || action == "dont_measure" else {
                throw UnknownCondition(condition: String(line))
            }
            let conditions = try words.dropFirst().map { word in
                let sides = word.split(separator: "=", maxSplits: 1)
                guard sides.count == 2, ["func", "mask", "fgroup", "uid", "euid", "fsmagic"].contains(sides[0]) else {
                    throw UnknownCondition(condition: String(word))
                }
                return (sides[0], sides[1])
            }
            return Rule(measures: action == "measure", conditions: conditions)
        }
    }

    func measures(_ access: Access) -> Bool {
        rules.first { $0.conditions.allSatisfy { Self.fits($0.key, $0.value, access) } }?.measures ?? false
    }

    private static func fits(_ key: Substring, _ value: Substring, _ access: Access) -> Bool {
        switch key {
        case "func": value == access.function
        case "fgroup": UInt32(value) == access.group
        case "uid", "euid": UInt32(value) == access.user
        case "fsmagic": UInt32(value.dropFirst(2), radix: 16) == access.fileSystem
        // With ^ it is enough that the file is opened for it, among others.
        case "mask": value == "^MAY_READ" ? access.reads : value == "MAY_EXEC" && access.executes
        default: false
        }
    }

    /// The rules of `ima_policy=tcb`, as far as they are about files (ima_policy.c, `dont_measure_rules` and
    /// `default_measurement_rules`).
    static let tcb = """
        dont_measure fsmagic=0x9fa0
        dont_measure fsmagic=0x62656572
        dont_measure fsmagic=0x64626720
        dont_measure fsmagic=0x1021994 func=FILE_CHECK
        dont_measure fsmagic=0x1cd1
        dont_measure fsmagic=0x42494e4d
        dont_measure fsmagic=0x73636673
        dont_measure fsmagic=0xf97cff8c
        dont_measure fsmagic=0x43415d53
        dont_measure fsmagic=0x27e0eb
        dont_measure fsmagic=0x63677270
        dont_measure fsmagic=0x6e736673
        dont_measure fsmagic=0xde5e81e4
        measure func=MMAP_CHECK mask=MAY_EXEC
        measure func=BPRM_CHECK mask=MAY_EXEC
        measure func=FILE_CHECK mask=^MAY_READ euid=0
        measure func=FILE_CHECK mask=^MAY_READ uid=0
        measure func=MODULE_CHECK
        measure func=FIRMWARE_CHECK
        measure func=POLICY_CHECK
        """

    /// The rule that Docs/shards.md gives, for a group.
    static func documentedRule(group: UInt32) throws -> String {
        let page = Fixtures.folder.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Docs/shards.md")
        let rules = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter {
            $0.hasPrefix("dont_measure ")
        }
        guard rules.count == 1, rules[0].contains("=64312") else {
            throw UnknownCondition(condition: rules.joined(separator: "\n"))
        }
        return rules[0].replacing("=64312", with: "=\(group)") + "\n"
    }
}
