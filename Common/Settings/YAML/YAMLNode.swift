/// A YAML text as a tree, with the lines.
struct YAMLNode {
    enum Content {
        /// - Parameter isPlain: whether no quotes are around it.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }

    let content: Content
    let line: Int

    /// What a scalar says; nil for anything else.
    var text: String? {
        guard case .scalar(let text, _) = content else { return nil }
        return text
    }

    /// Whether it is YAML's null: nothing behind the colon, `~` or `null`.
    var isNothing: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null"].contains(text)
    }

    /// No setting is so deep; what is deeper would only fill the stack.
    private static let maximumDepth = 32

    /// Reads a text; nil if there is nothing in it but comments.
    static func document(in bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
        var events = try YAMLEvents(bytes)
        var root: YAMLNode?
        while true {
            let event = try events.next()
            switch event.kind {
            case .streamEnd: return root
            case .documentStart where root != nil:
                throw YAMLError("cannot be read: a second document begins here (---): a file has one", line: event.line)
            case .streamStart, .documentStart, .documentEnd: continue
            default: root = try node(event, &events, depth: 0)
            }
        }
    }

    private static func node(
        _ event: YAMLEvents.Event, _ events: inout YAMLEvents, depth: Int
    ) throws(YAMLError) -> YAMLNode {
        guard depth < maximumDepth else {
            throw YAMLError("cannot be read: there are more than \(maximumDepth) levels", line: event.line)
        }
        switch event.kind {
        case .scalar(let text, let isPlain):
            return YAMLNode(content: .scalar(text, isPlain: isPlain), line: event.line)
        case .sequenceStart:
            return YAMLNode(content: .sequence(try sequence(&events, depth)), line: event.line)
        case .mappingStart:
            return YAMLNode(content: .mapping(try mapping(&events, depth)), line: event.line)
        case .alias:
            // One that names what it is in, or many that name one another, would never end.
            throw YAMLError(
                "cannot be read: a value that begins with * must be in quotes: aliases aren't read", line: event.line)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            throw YAMLError("cannot be read: a value is missing", line: event.line)
        }
    }

    private static func sequence(_ events: inout YAMLEvents, _ depth: Int) throws(YAMLError) -> [YAMLNode] {
        var nodes: [YAMLNode] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { return nodes }
            nodes.append(try node(event, &events, depth: depth + 1))
        }
    }

    private static func mapping(
        _ events: inout YAMLEvents, _ depth: Int
    ) throws(YAMLError) -> [(key: YAMLNode, value: YAMLNode)] {
        var pairs: [(key: YAMLNode, value: YAMLNode)] = []
        var known: Set<String> = []
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { return pairs }
            let key = try node(event, &events, depth: depth + 1)
            if let text = key.text, !known.insert(text).inserted {
                throw YAMLError("cannot be read: \(text) stands there more than once", line: key.line)
            }
            pairs.append((key, try node(try events.next(), &events, depth: depth + 1)))
        }
    }
}
