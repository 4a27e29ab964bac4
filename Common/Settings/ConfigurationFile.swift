internal import Bytes
internal import Files

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
        do throws(YAMLError) {
            entries = Self.entries(below: try YAMLNode.document(in: bytes))
        } catch {
            throw SettingsError([
                .init(place: "\(path):\(error.line)", key: nil, problem: error.problem)
            ])
        }
    }

    private static func entries(below root: YAMLNode?) -> [Entry] {
        guard let root, !root.isNothing else { return [] }
        guard case .mapping(let pairs) = root.content else {
            return [Entry(key: "", line: root.line, content: .other)]
        }
        var entries: [Entry] = []
        collect(pairs, below: "", into: &entries)
        return entries
    }

    private static func collect(
        _ pairs: [(key: YAMLNode, value: YAMLNode)], below prefix: String, into entries: inout [Entry]
    ) {
        for (name, value) in pairs {
            let key = prefix + (name.text ?? "?")
            if case .mapping(let inner) = value.content, !inner.isEmpty {
                collect(inner, below: key + ".", into: &entries)
            } else {
                entries.append(Entry(key: key, line: name.line, content: content(of: value)))
            }
        }
    }

    private static func content(of node: YAMLNode) -> Content {
        if node.isNothing { return .nothing }
        switch node.content {
        case .scalar(let text, _): return .text(text)
        case .sequence(let nodes):
            let texts = nodes.compactMap(\.text)
            return texts.count == nodes.count ? .list(texts) : .other
        case .mapping: return .nothing
        }
    }
}
