internal import AssayCrypto
internal import Bytes
internal import IMA

/// Reads a policy's JSON against its schema, collecting every fault with its place.
struct PolicyReader {
    private(set) var document = PolicyDocument()
    private(set) var warnings: [PolicyError.Fault] = []
    private var faults: [PolicyError.Fault] = []

    /// Reads a policy, or says all that is wrong with it.
    static func read(_ source: [UInt8], _ proof: SignedPolicy.Proof) throws(PolicyError) -> PolicyReader {
        let reader = try parse(source, proof)
        guard reader.faults.isEmpty else { throw PolicyError(reader.faults) }
        return reader
    }

    /// Everything that is wrong with a policy, its expressions and its keys too, and what its author should look at.
    static func check(
        _ source: [UInt8], signers: [PublicKey]
    ) -> (faults: [PolicyError.Fault], warnings: [PolicyError.Fault]) {
        do throws(PolicyError) {
            let reader = try parse(source, .signature(signers))
            var (faults, warnings) = (reader.faults, reader.warnings)
            let document = reader.document
            if document.assay.pcrs.isEmpty { warnings.append(bootIsNotAppraised) }
            warnings += KeyringName.warnings(of: document)
            do throws(PolicyError) {
                _ = try Excludes(of: document.excludes, document.assay, warnings: &warnings)
            } catch {
                faults += error.faults
            }
            do throws(PolicyError) {
                warnings += VerificationKeyText.warnings(try VerificationKeyText.read(document.verificationKeys))
            } catch {
                faults += error.faults
            }
            return (faults, warnings)
        } catch {
            return (error.faults, [])
        }
    }

    private static let bootIsNotAppraised = PolicyError.Fault(
        place: "assay.pcrs",
        message:
            "is missing: what the host has booted is not appraised; policy create --pcrs 0-7 --quote FILE writes it")

    private static func parse(
        _ source: [UInt8], _ proof: SignedPolicy.Proof
    ) throws(PolicyError) -> PolicyReader {
        var reader = PolicyReader()
        reader.policy(try SignedPolicy.json(of: source, proof))
        return reader
    }

    /// Reads the older JSON allowlist: `hashes` in the place of `digests`, and nothing else is required.
    static func readAllowlist(
        _ members: [JSON.Member]
    ) throws(PolicyError) -> (document: PolicyDocument, warnings: [PolicyError.Fault]) {
        var reader = PolicyReader()
        for member in members {
            let key = String(decoding: member.key, as: UTF8.self)
            switch key {
            case "hashes": reader.document.digests = reader.entries(member.value, key)
            case "excludes", "exclude": reader.document.excludes = reader.strings(member.value, key)
            case "keyrings": reader.document.keyrings = reader.entries(member.value, key)
            case "ima-buf": reader.document.buffers = reader.entries(member.value, key)
            case "ima": reader.ima(member.value)
            case "verification-keys": reader.verificationKeys(member.value)
            case "meta", "release": continue
            default: reader.warn(quoted(member.key), "is not known and is left out")
            }
        }
        guard reader.faults.isEmpty else { throw PolicyError(reader.faults) }
        return (reader.document, reader.warnings)
    }

    private mutating func policy(_ json: JSON) {
        guard case .object(let members) = json else {
            return fault("policy", "an object is expected, not \(json.kind)")
        }
        var seen: Set<String> = []
        for member in members {
            let key = String(decoding: member.key, as: UTF8.self)
            seen.insert(key)
            switch key {
            case "meta": meta(member.value)
            case "release": _ = number(member.value, "release")
            case "digests":
                document.digests = entries(member.value, key)
                if let mixture = DigestMixture(of: document.digests) { warn(key, mixture.description) }
            case "excludes": document.excludes = strings(member.value, key)
            case "keyrings": document.keyrings = entries(member.value, key)
            case "ima-buf": document.buffers = entries(member.value, key)
            case "ima": ima(member.value)
            case "verification-keys": verificationKeys(member.value)
            case "assay": assay(member.value)
            default: warn(quoted(member.key), "is not known and has no effect")
            }
        }
        require(
            ["meta", "release", "digests", "excludes", "keyrings", "ima", "ima-buf", "verification-keys"], seen,
            "policy")
    }

    private mutating func meta(_ json: JSON) {
        let members = object(json, "meta")
        for (key, value) in members {
            switch key {
            case "version":
                guard value == .integer(1) else {
                    fault("meta.version", "only version 1 is known")
                    continue
                }
            case "generator":
                guard case .integer(let generator) = value, (0...3).contains(generator) else {
                    fault("meta.generator", "0, 1, 2 or 3 is expected")
                    continue
                }
                document.generator = generator
            case "timestamp": document.timestamp = string(value, "meta.timestamp")
            default: break
            }
        }
        require(["version", "generator"], Set(members.map(\.key)), "meta")
    }

    private mutating func ima(_ json: JSON) {
        let members = object(json, "ima")
        document.ignoredKeyrings = nil
        document.logHash = nil
        for (key, value) in members {
            switch key {
            case "ignored_keyrings": document.ignoredKeyrings = strings(value, "ima.ignored_keyrings")
            case "log_hash_alg":
                guard let name = string(value, "ima.log_hash_alg").map({ String(decoding: $0, as: UTF8.self) }) else {
                    continue
                }
                document.logHash = PCRBank(name: name)
                if document.logHash == nil {
                    fault("ima.log_hash_alg", "sha1, sha256, sha384 or sha512 is expected, not \(name)")
                }
            case "dm_policy":
                if value != .null { warn("ima.dm_policy", "device-mapper policies have no effect here") }
            default: warn("ima.\(escaped(Array(key.utf8)))", "is not known and has no effect")
            }
        }
        // What other tools make of older lists lacks them.
        for key in ["ignored_keyrings", "log_hash_alg"] where !members.contains(where: { $0.key == key }) {
            warn("ima", "\(key) is missing, which other tools may refuse")
        }
    }

    private mutating func verificationKeys(_ json: JSON) {
        if case .string(let text) = json {
            document.verificationKeys = text
        } else {
            fault("verification-keys", "a string is expected, not \(json.kind)")
        }
    }
}

// MARK: - The section `assay`

extension PolicyReader {
    private mutating func assay(_ json: JSON) {
        for (key, value) in object(json, "assay") {
            switch key {
            case "violations": violations(value)
            case "unlisted_keyrings": document.assay.unlistedKeyrings = action(value, "assay.unlisted_keyrings")
            case "file_keyrings": document.assay.fileKeyrings = strings(value, "assay.file_keyrings")
            case "exclude_globs": document.assay.excludeGlobs = strings(value, "assay.exclude_globs")
            case "unrooted_names": document.assay.unrootedNames = strings(value, "assay.unrooted_names")
            case "templates": templates(value)
            case "padded_banks": document.assay.paddedBanks = action(value, "assay.padded_banks")
            case "pcrs": pcrs(value)
            default: fault("assay.\(escaped(Array(key.utf8)))", "is not known")
            }
        }
    }

    /// Either an action for all paths, or `{default, paths: [{glob, action}]}`.
    private mutating func violations(_ json: JSON) {
        if case .string = json {
            document.assay.violations = action(json, "assay.violations")
            return
        }
        for (key, value) in object(json, "assay.violations") {
            switch key {
            case "default": document.assay.violations = action(value, "assay.violations.default")
            case "paths": violationPaths(value)
            default: fault("assay.violations.\(escaped(Array(key.utf8)))", "is not known")
            }
        }
        let byDefault = document.assay.violations ?? .warn
        for (index, rule) in document.assay.violationPaths.enumerated() where rule.action < byDefault {
            warn(
                "assay.violations.paths[\(index)]",
                "\(rule.action) has no effect beside the default, \(byDefault): a violation's path is the host's mere word, "
                    + "and can only be stricter")
        }
    }

    private mutating func violationPaths(_ json: JSON) {
        guard case .array(let rules) = json else {
            return fault("assay.violations.paths", "a list is expected, not \(json.kind)")
        }
        for (index, rule) in rules.enumerated() {
            let place = "assay.violations.paths[\(index)]"
            let members = Dictionary(object(rule, place).map { ($0.key, $0.value) }) { first, _ in first }
            guard members.count == 2, let glob = members["glob"], let word = members["action"] else {
                fault(place, "glob and action are expected")
                continue
            }
            if let glob = string(glob, place + ".glob"), let action = action(word, place + ".action") {
                document.assay.violationPaths.append(.init(glob: glob, action: action))
            }
        }
    }

    /// Format strings of custom templates.
    private mutating func templates(_ json: JSON) {
        let place = "assay.templates"
        document.assay.templates = strings(json, place)
        for (index, format) in document.assay.templates.enumerated() {
            guard let template = Template(name: format.span), template.isCustom else {
                fault(
                    "\(place)[\(index)]",
                    "\(quoted(format)) is no format string: names of the kernel's fields with | between them are expected"
                )
                continue
            }
            if !template.hasFixedLayout {
                fault(
                    "\(place)[\(index)]",
                    "\(quoted(format)): one digest (d, d-ng or d-ngv2) is expected first, one name (n or n-ng) second, "
                        + "no other of either, and after them not xattrlengths, xattrvalues or modsig alone")
            }
        }
    }

    /// PCR → bank → values.
    private mutating func pcrs(_ json: JSON) {
        for (key, value) in object(json, "assay.pcrs") {
            let place = "assay.pcrs[\(quoted(Array(key.utf8)))]"
            guard let pcr = Int(key), (0..<24).contains(pcr), String(pcr) == key else {
                fault(place, "a PCR from 0 to 23 is expected")
                continue
            }
            for (name, list) in object(value, place) {
                let place = "\(place).\(escaped(Array(name.utf8)))"
                guard let bank = PCRBank(name: name) else {
                    fault(place, "sha1, sha256, sha384 or sha512 is expected")
                    continue
                }
                let values = digests(list, place)
                for (index, value) in values.enumerated() where value.count != bank.digestSize {
                    fault("\(place)[\(index)]", "\(2 * bank.digestSize) hexadecimal digits are expected")
                }
                document.assay.pcrs.append(.init(pcr: pcr, bank: name, values: values))
            }
        }
    }

    private mutating func action(_ json: JSON, _ place: String) -> PolicyAction? {
        if case .string(let word) = json, let action = PolicyAction(word: word) { return action }
        fault(place, "ignore, warn or fail is expected")
        return nil
    }
}

// MARK: - Values

extension PolicyReader {
    private mutating func entries(_ json: JSON, _ place: String) -> [PolicyDocument.Entry] {
        guard case .object(let members) = json else {
            fault(place, "an object is expected, not \(json.kind)")
            return []
        }
        return members.map { member in
            .init(name: member.key, digests: digests(member.value, "\(place)[\(quoted(member.key))]"))
        }
    }

    private mutating func digests(_ json: JSON, _ place: @autoclosure () -> String) -> [[UInt8]] {
        guard case .array(let values) = json else {
            fault(place(), "a list is expected, not \(json.kind)")
            return []
        }
        var result: [[UInt8]] = []
        result.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            guard case .string(let text) = value, (40...128).contains(text.count), let digest = lowerHexadecimal(text)
            else {
                fault("\(place())[\(index)]", "40 to 128 digits 0-9a-f are expected")
                continue
            }
            let knownSizes = [20, 28, 32, 48, 64]
            if text.count.isMultiple(of: 2), knownSizes.contains(digest.count) {
                result.append(digest)
            } else {
                warn("\(place())[\(index)]", "no hash has \(text.count) digits: it can never match")
            }
        }
        return result
    }

    private mutating func strings(_ json: JSON, _ place: String) -> [[UInt8]] {
        guard case .array(let values) = json else {
            fault(place, "a list is expected, not \(json.kind)")
            return []
        }
        return values.enumerated().compactMap { string($1, "\(place)[\($0)]") }
    }

    private mutating func object(_ json: JSON, _ place: String) -> [(key: String, value: JSON)] {
        guard case .object(let members) = json else {
            fault(place, "an object is expected, not \(json.kind)")
            return []
        }
        return members.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }
    }

    private mutating func string(_ json: JSON, _ place: @autoclosure () -> String) -> [UInt8]? {
        if case .string(let text) = json { return text }
        fault(place(), "a string is expected, not \(json.kind)")
        return nil
    }

    private mutating func number(_ json: JSON, _ place: String) -> Bool {
        switch json {
        case .integer, .otherNumber: return true
        default:
            fault(place, "a number is expected, not \(json.kind)")
            return false
        }
    }

    private mutating func require(_ keys: [String], _ seen: Set<String>, _ place: String) {
        for key in keys where !seen.contains(key) { fault(place, "\(key) is missing") }
    }

    private mutating func fault(_ place: String, _ message: String) {
        if faults.count < PolicyError.limit { faults.append(.init(place: place, message: message)) }
    }

    private mutating func warn(_ place: String, _ message: String) {
        if warnings.count < PolicyError.limit { warnings.append(.init(place: place, message: message)) }
    }
}

/// The bytes that digits 0-9a-f stand for, the last half of one if their count is odd; nil for another character.
private func lowerHexadecimal(_ text: [UInt8]) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: (text.count + 1) / 2)
    for (index, character) in text.enumerated() {
        let digit: UInt8
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
        default: return nil
        }
        bytes[index / 2] |= index.isMultiple(of: 2) ? digit << 4 : digit
    }
    return bytes
}
