/// A line of a service's log, read by logfmt's rules and no others.
package struct LogLine: Hashable, Sendable {
    /// Why a line isn't one.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    package let time: String
    package let level: String
    package let label: String
    package let pairs: [String: String]

    /// - Throws: ``Fault`` with the line.
    package init(_ line: String) throws(Fault) {
        let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4, words[0].contains("T"), words[2].hasSuffix(":") else {
            throw Fault(description: "no log line: \(line)")
        }
        (time, level, label) = (words[0], words[1], String(words[2].dropLast()))
        guard ["trace", "debug", "info", "notice", "warning", "error", "critical"].contains(level) else {
            throw Fault(description: "no level: \(line)")
        }
        var rest = Array(words[3].unicodeScalars)[...]
        var pairs: [String: String] = [:]
        repeat {
            guard let (key, value) = Self.pair(&rest), pairs.updateValue(value, forKey: key) == nil else {
                throw Fault(description: "not logfmt at \(String(String.UnicodeScalarView(rest))): \(line)")
            }
            guard rest.isEmpty || rest.popFirst() == " " && !rest.isEmpty else {
                throw Fault(description: "more than one blank, or none, between two values: \(line)")
            }
        } while !rest.isEmpty
        self.pairs = pairs
    }

    private static func pair(_ rest: inout ArraySlice<Unicode.Scalar>) -> (String, String)? {
        let key = rest.prefix { $0 != "=" && $0 != " " && $0 != "\"" }
        rest.removeFirst(key.count)
        guard !key.isEmpty, rest.popFirst() == "=" else { return nil }
        let value = rest.first == "\"" ? quoted(&rest) : bare(&rest)
        return value.map { (String(String.UnicodeScalarView(key)), $0) }
    }

    private static func bare(_ rest: inout ArraySlice<Unicode.Scalar>) -> String? {
        let value = rest.prefix { $0 != " " }
        rest.removeFirst(value.count)
        guard !value.isEmpty, value.allSatisfy({ $0 != "=" && $0 != "\"" && $0.value > 0x20 && $0.value != 0x7f })
        else { return nil }
        return String(String.UnicodeScalarView(value))
    }

    private static func quoted(_ rest: inout ArraySlice<Unicode.Scalar>) -> String? {
        rest.removeFirst()
        var value = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"": return String(value)
            case "\\":
                switch rest.popFirst() {
                case "\""?: value.append("\"")
                case "\\"?: value.append("\\")
                case "n"?: value.append("\n")
                case "r"?: value.append("\r")
                case "t"?: value.append("\t")
                case "u"?:
                    let digits = String(String.UnicodeScalarView(rest.prefix(4)))
                    guard digits.utf8.count == 4, let number = UInt32(digits, radix: 16),
                        let decoded = Unicode.Scalar(number)
                    else { return nil }
                    rest.removeFirst(4)
                    value.append(decoded)
                default: return nil
                }
            case _ where scalar.value < 0x20: return nil
            default: value.append(scalar)
            }
        }
        return nil
    }
}
