extension Expressions {
    /// Whether an expression asks for a blank, which no name in a log has: the kernel logs `_` for it. False where that is
    /// hard to tell: an alternative may fit without it, and options change what bytes mean.
    static func demandsBlank(_ pattern: [UInt8]) -> Bool {
        guard !pattern.contains(where: { "|?[".utf8.contains($0) }), let blank = pattern.firstIndex(of: 0x20) else {
            return false
        }
        // Within a group it may be left out with the group.
        guard !pattern[..<blank].contains(UInt8(ascii: "(")) else { return false }
        return pattern[(blank + 1)...].first.map { !"*{".utf8.contains($0) } ?? true
    }
}
