internal import Bytes

/// A file of expressions of paths to leave out, as older tools keep it: one a line, without the blanks around it. Blank lines
/// are passed over, and so are comments, which are lines of their own that begin with `#`.
package struct ExcludeList {
    private let text: [UInt8]
    private let file: String

    /// A list as it was read; a byte order mark before it is none of it.
    ///
    /// - Parameter file: where it is from, for what is said of it.
    package init(_ text: [UInt8], file: String) {
        self.text = text.withoutByteOrderMark
        self.file = file
    }

    /// Appends the expressions that aren't there yet.
    ///
    /// - Throws: `PolicyError` with all those that can't be used, and their lines.
    func add(to excludes: inout [[UInt8]]) throws(PolicyError) {
        if let problem = encodingProblem(text) { throw PolicyError(place: file, problem) }
        var faults: [PolicyError.Fault] = []
        for (index, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            for expression in line.split(separator: 0x0d).compactMap(Self.expression)
            where !excludes.contains(expression) {
                if let problem = Self.problem(expression), faults.count < PolicyError.limit {
                    faults.append(
                        .init(
                            place: "excludes[\(excludes.count)]",
                            message: "\(quoted(expression)) \(problem) (\(file), line \(index + 1))"))
                }
                excludes.append(expression)
            }
        }
        guard faults.isEmpty else { throw PolicyError(faults) }
    }

    private static func expression(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let trimmed = Array(line.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
        return trimmed.isEmpty || trimmed.first == UInt8(ascii: "#") ? nil : trimmed
    }

    private static func problem(_ expression: [UInt8]) -> String? {
        guard String(validating: expression, as: UTF8.self) != nil else { return "isn't UTF-8, and JSON can't hold it" }
        do throws(ByteRegex.CompileError) {
            _ = try ByteRegex(expression)
            return nil
        } catch {
            return "doesn't compile: \(error.message) at offset \(error.offset)"
        }
    }
}

extension [UInt8] {
    /// The bytes without the mark that some editors put before UTF-8.
    var withoutByteOrderMark: [UInt8] { starts(with: [0xef, 0xbb, 0xbf]) ? Array(dropFirst(3)) : self }
}
