/// A pattern over a whole path: `*` stands for any bytes but `/`, `**` for any bytes, `?` for one byte but `/`, and a
/// backslash takes the next byte as it is.
struct Glob: Hashable, Sendable {
    private enum Token: Hashable, Sendable {
        case byte(UInt8)
        case one
        case many
        case all
    }

    private let tokens: [Token]

    /// Reads a pattern; every pattern is one.
    init(_ pattern: [UInt8]) {
        var tokens: [Token] = []
        var index = 0
        while index < pattern.count {
            let byte = pattern[index]
            index += 1
            switch byte {
            case UInt8(ascii: "*"):
                let isDouble = index < pattern.count && pattern[index] == byte
                if isDouble { index += 1 }
                tokens.append(isDouble ? .all : .many)
            case UInt8(ascii: "?"): tokens.append(.one)
            case UInt8(ascii: "\\") where index < pattern.count:
                tokens.append(.byte(pattern[index]))
                index += 1
            default: tokens.append(.byte(byte))
            }
        }
        self.tokens = tokens
    }

    /// The bytes that a path must begin with, if nothing else is asked of it: `/tmp/**`.
    var prefix: [UInt8]? {
        guard tokens.last == .all else { return nil }
        var bytes: [UInt8] = []
        for token in tokens.dropLast() {
            guard case .byte(let byte) = token else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// Whether something that begins with `/` can fit.
    var fitsPaths: Bool {
        for token in tokens {
            switch token {
            case .byte(let byte): return byte == UInt8(ascii: "/")
            case .one: return false
            case .many: continue
            case .all: return true
            }
        }
        return false
    }

    /// Whether the pattern fits the whole path.
    ///
    /// Time is at most the product of both lengths: only the last `*` and the last `**` are ever tried again, since a
    /// longer match of an earlier one can't help the rest.
    func matches(_ path: Span<UInt8>) -> Bool {
        var token = 0
        var index = 0
        var many: (token: Int, index: Int)?
        var all: (token: Int, index: Int)?
        while true {
            if token == tokens.count {
                if index == path.count { return true }
            } else {
                switch tokens[token] {
                case .many:
                    token += 1
                    many = (token, index)
                    continue
                case .all:
                    token += 1
                    all = (token, index)
                    many = nil
                    continue
                case .one where index < path.count && path[index] != UInt8(ascii: "/"):
                    token += 1
                    index += 1
                    continue
                case .byte(let byte) where index < path.count && path[index] == byte:
                    token += 1
                    index += 1
                    continue
                default: break
                }
            }
            if let last = many, last.index < path.count, path[last.index] != UInt8(ascii: "/") {
                many = (last.token, last.index + 1)
                (token, index) = (last.token, last.index + 1)
            } else if let last = all, last.index < path.count {
                all = (last.token, last.index + 1)
                (token, index) = (last.token, last.index + 1)
                many = nil
            } else {
                return false
            }
        }
    }
}
