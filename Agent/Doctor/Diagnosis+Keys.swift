internal import Bytes

// Whether the log brings the keys that files are signed with.

extension Diagnosis {
    private static let keyRule = "measure func=KEY_CHECK keyrings=.ima|_ima"
    private static let keyRemedy =
        "add to the IMA policy: \(keyRule); or give the verifier the keys (keyrings.md of the documentation)"

    static func keys(_ facts: HostFacts) -> Finding {
        var seen: [String] = []
        if case .read(let survey) = facts.log { seen = survey.keyrings.map { escaped($0) } }
        if let policy = facts.policy { return keys(by: policy, seen) }
        guard case .read = facts.log else { return .unknown(.keys, without: .log) }
        return keys(seen)
    }

    /// By the rules that the kernel shows.
    private static func keys(by policy: IMAPolicy, _ seen: [String]) -> Finding {
        guard !policy.keyRules.isEmpty else {
            let before = seen.isEmpty ? "none can be learned" : "\(found(seen)), from before, and no more will come"
            return .warning(.keys, "no rule measures keys: \(before)", remedy: keyRemedy)
        }
        let all = policy.keyRules.contains { $0.keyrings == nil }
        let named = Set(policy.keyRules.flatMap { $0.keyrings ?? [] }).sorted()
        let scope = all ? "of all keyrings" : "of " + named.map { escaped($0.utf8) }.joined(separator: ", ")
        guard policy.measuresKeys(of: ".ima") || policy.measuresKeys(of: "_ima") else {
            return .warning(
                .keys, "keys \(scope) are measured, those of .ima and _ima (for file signatures) aren't",
                remedy: keyRemedy)
        }
        return .ok(.keys, "keys \(scope) are measured; \(found(seen))")
    }

    /// By the log alone, where the kernel doesn't show its rules (no CONFIG_IMA_READ_POLICY). A key in it came by a rule.
    private static func keys(_ seen: [String]) -> Finding {
        guard !seen.isEmpty else {
            return .warning(
                .keys,
                "\(found(seen)), and this kernel doesn't show its rules: there is no KEY_CHECK rule, or no key was "
                    + "loaded",
                remedy: keyRemedy)
        }
        guard seen.contains(".ima") || seen.contains("_ima") else {
            return .warning(
                .keys,
                "\(found(seen)), so that keys are measured; none is for .ima or _ima, whose keys sign files: none was "
                    + "loaded there, or the rule leaves them out, which this kernel doesn't show",
                remedy: "see that the key is loaded (keyctl show %keyring:.ima) and that keyrings= of the rule, if it "
                    + "has that, names its keyring; or give the verifier the keys (keyrings.md of the documentation)")
        }
        return .ok(.keys, found(seen))
    }

    private static func found(_ seen: [String]) -> String {
        seen.isEmpty ? "no key is in the log so far" : "keys are in the log for \(seen.joined(separator: ", "))"
    }
}
