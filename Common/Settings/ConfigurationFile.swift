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
        let text: String
        do throws(FileError) {
            text = String(decoding: try requiredContents(ofFile: path, limit: 1 << 20), as: UTF8.self)
        } catch {
            let problem = "cannot be read: \(error.reason); name the file with --config"
            throw SettingsError([.init(place: path, key: nil, problem: problem)])
        }
        do {
            entries = try Self.entries(inYAML: text)
        } catch let error as YamlError {
            let place = Self.line(of: error).map { "\(path):\($0)" } ?? path
            throw SettingsError([.init(place: place, key: nil, problem: Self.problem(error))])
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

    private static func problem(_ error: YamlError) -> String {
        // The library's own text shows the whole file.
        switch error {
        case .duplicatedKeysInMapping(let keys, _):
            "cannot be read: \(keys.sorted().joined(separator: ", ")) stands there more than once"
        case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _):
            "is not YAML: \(problem)"
        case .reader(let problem, _, _, _): "is not YAML: \(problem)"
        default: "is not YAML: \(error)"
        }
    }

    private static func line(of error: YamlError) -> Int? {
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        case .duplicatedKeysInMapping(_, let context): context.mark.line
        default: nil
        }
    }
}

extension Node {
    /// YAML's null: nothing behind the colon, `~` or `null`.
    fileprivate var isNothing: Bool {
        guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }
}
