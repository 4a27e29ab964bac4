internal import Bytes
internal import Files
internal import Yams

/// A YAML file, taken apart into keys and values with their lines. Nothing is judged here.
struct ConfigurationFile {
    /// What stands at a key.
    enum Content: Equatable {
        case text(String)
        case list([String])
        /// A key with nothing behind it, such as a section whose settings are all behind `#`.
        case nothing
        /// A list of something else than texts.
        case other
    }

    struct Entry: Equatable {
        let key: String
        let line: Int
        let content: Content
    }

    /// In the file's order.
    let entries: [Entry]

    init(path: String) throws(SettingsError) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try requiredContents(ofFile: path, limit: 1 << 20)
        } catch {
            let problem = "cannot be read: \(error.reason); \(error.remedy)"
            throw SettingsError([.init(place: path, key: nil, problem: problem)])
        }
        if let problem = encodingProblem(bytes) {
            throw SettingsError([.init(place: path, key: nil, problem: "cannot be read: \(problem)")])
        }
        do {
            entries = try Self.entries(inYAML: String(decoding: bytes, as: UTF8.self))
        } catch let error as YamlError {
            throw SettingsError([Self.fault(error, path)])
        } catch {
            throw SettingsError([.init(place: path, key: nil, problem: "cannot be read: \(error)")])
        }
    }

    private static func entries(inYAML text: String) throws -> [Entry] {
        guard let root = try Yams.compose(yaml: text) else { return [] }
        if root.isNothing { return [] }
        guard case .mapping(let mapping) = root else {
            return [Entry(key: "", line: root.mark?.line ?? 1, content: .other)]
        }
        var entries: [Entry] = []
        collect(mapping, below: "", into: &entries)
        return entries
    }

    private static func collect(_ mapping: Node.Mapping, below prefix: String, into entries: inout [Entry]) {
        for (name, value) in mapping {
            let key = prefix + (name.scalar?.string ?? "?")
            if case .mapping(let inner) = value, !inner.isEmpty {
                collect(inner, below: key + ".", into: &entries)
            } else {
                entries.append(Entry(key: key, line: name.mark?.line ?? 1, content: content(of: value)))
            }
        }
    }

    private static func content(of node: Node) -> Content {
        if node.isNothing { return .nothing }
        switch node {
        case .scalar(let scalar): return .text(scalar.string)
        case .sequence(let sequence):
            let texts = sequence.compactMap { $0.scalar?.string }
            return texts.count == sequence.count ? .list(texts) : .other
        case .mapping: return .nothing
        case .alias: return .other
        }
    }

    private static func fault(_ error: YamlError, _ path: String) -> SettingsError.Fault {
        // The library's own text shows the whole file.
        switch error {
        case .duplicatedKeysInMapping(let keys, let context):
            return .init(
                place: "\(path):\(context.mark.line)", key: nil,
                problem: "cannot be read: \(keys.sorted().joined(separator: ", ")) stands there more than once")
        case .scanner(let context, let words, let mark, _), .parser(let context, let words, let mark, _),
            .composer(let context, let words, let mark, _):
            return fault(
                YAMLFault(words, line: mark.line, context: context?.text, start: context?.mark.line), path)
        case .reader(let words, let offset, _, let text):
            let line = 1 + text.prefix(offset ?? 0).count { $0.isNewline }
            return fault(YAMLFault(words, line: line, context: nil, start: nil), path)
        default: return .init(place: path, key: nil, problem: "is not YAML: \(error)")
        }
    }

    private static func fault(_ fault: YAMLFault, _ path: String) -> SettingsError.Fault {
        .init(place: "\(path):\(fault.line)", key: nil, problem: "is not YAML: \(fault.problem)")
    }
}

extension Node {
    /// YAML's null: nothing behind the colon, `~` or `null`.
    fileprivate var isNothing: Bool {
        guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }
}
