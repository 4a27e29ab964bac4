internal import CYAML

/// What libyaml finds in a text, piece by piece. It owns the library's parser and the text that the parser reads.
struct YAMLEvents: ~Copyable {
    /// One piece of a text, and the line that it begins on.
    struct Event {
        enum Kind {
            case streamStart, streamEnd, documentStart, documentEnd
            case sequenceStart, sequenceEnd, mappingStart, mappingEnd
            /// - Parameter isPlain: whether no quotes are around it.
            case scalar(String, isPlain: Bool)
            /// What stands for an earlier piece that has a name.
            case alias
        }

        let kind: Kind
        let line: Int
    }

    // The parser keeps a pointer to itself, so that it must stay where it is.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    /// - Throws: only if there is no memory.
    init(_ bytes: [UInt8]) throws(YAMLError) {
        parser = .allocate(capacity: 1)
        text = .allocate(capacity: bytes.count)
        guard yaml_parser_initialize(parser) != 0 else {
            parser.deallocate()
            text.deallocate()
            throw YAMLError("cannot be read: there is no memory for it", line: 1)
        }
        _ = text.initialize(from: bytes)
        yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        text.deallocate()
    }

    /// The next piece; after the stream's end there is none.
    mutating func next() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) != 0 else { throw error }
        defer { yaml_event_delete(&event) }
        return Event(kind: try Self.kind(of: event), line: event.start_mark.line.asLine)
    }

    private static func kind(of event: yaml_event_t) throws(YAMLError) -> Event.Kind {
        switch event.type {
        case YAML_STREAM_START_EVENT: .streamStart
        case YAML_DOCUMENT_START_EVENT: .documentStart
        case YAML_DOCUMENT_END_EVENT: .documentEnd
        case YAML_SEQUENCE_START_EVENT: .sequenceStart
        case YAML_SEQUENCE_END_EVENT: .sequenceEnd
        case YAML_MAPPING_START_EVENT: .mappingStart
        case YAML_MAPPING_END_EVENT: .mappingEnd
        case YAML_ALIAS_EVENT: .alias
        case YAML_SCALAR_EVENT:
            .scalar(
                String(
                    decoding: UnsafeBufferPointer(start: event.data.scalar.value, count: event.data.scalar.length),
                    as: UTF8.self),
                isPlain: event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        default: .streamEnd
        }
    }

    private var error: YAMLError {
        let state = parser.pointee
        guard let words = state.problem else { return YAMLError("cannot be read: there is no memory for it", line: 1) }
        var line = state.problem_mark.line.asLine
        if state.error == YAML_READER_ERROR {
            // The reader counts bytes alone.
            line = text.prefix(state.problem_offset).count { $0 == UInt8(ascii: "\n") } + 1
        }
        let context = state.context.map { String(cString: $0) }
        let fault = YAMLFault(
            String(cString: words), line: line, context: context,
            start: context.map { _ in state.context_mark.line.asLine })
        return YAMLError("is not YAML: \(fault.problem)", line: fault.line)
    }
}

/// Why a text is no YAML, or none that a configuration can be.
struct YAMLError: Error {
    /// The end of a sentence that begins with the file.
    let problem: String
    let line: Int

    init(_ problem: String, line: Int) {
        self.problem = problem
        self.line = line
    }
}

extension Int {
    /// libyaml counts lines from 0.
    fileprivate var asLine: Int { self &+ 1 }
}
