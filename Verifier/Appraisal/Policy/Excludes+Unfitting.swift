extension Excludes {
    /// Why an expression can fit no path of a log, as the end of a sentence; nil if it can, or if that is hard to tell.
    static func unfittingReason(_ pattern: [UInt8]) -> String? {
        // An alternative may fit where this one doesn't; options change what bytes mean.
        guard !pattern.contains(UInt8(ascii: "|")), !pattern.contains(UInt8(ascii: "?")) else { return nil }
        let rest = pattern.drop { $0 == UInt8(ascii: "^") }
        if let first = firstLiteral(rest), first != UInt8(ascii: "/"), !rest.starts(with: "boot".utf8) {
            return "can fit no path: all begin with /"
        }
        return isBlankDemanded(pattern) ? "can fit no path: the kernel logs _ for a blank" : nil
    }

    /// The byte that whatever fits must begin with; nil if it may be one of several.
    private static func firstLiteral(_ pattern: ArraySlice<UInt8>) -> UInt8? {
        var rest = pattern
        guard var first = rest.popFirst(), !".[($*+)".utf8.contains(first) else { return nil }
        if first == UInt8(ascii: "\\") {
            guard let escaped = rest.popFirst(), ".[](){}^$*+|\\#/-:_,;=@%&!~'\"<> ".utf8.contains(escaped) else {
                return nil
            }
            first = escaped
        }
        return isOptional(rest) ? nil : first
    }

    private static func isBlankDemanded(_ pattern: [UInt8]) -> Bool {
        guard !pattern.contains(UInt8(ascii: "[")), let blank = pattern.firstIndex(of: 0x20) else { return false }
        // Within a group it may be left out with the group.
        guard !pattern[..<blank].contains(UInt8(ascii: "(")) else { return false }
        return !isOptional(pattern[(blank + 1)...])
    }

    private static func isOptional(_ following: ArraySlice<UInt8>) -> Bool {
        following.first.map { "*{".utf8.contains($0) } ?? false
    }
}
