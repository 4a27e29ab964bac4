internal import Bytes

/// One fault that an appraisal found: what, where, and what can be done about it.
package struct Finding: Hashable, Sendable, CustomStringConvertible {
    /// The rule that was broken.
    package var reason: Reason
    /// The record, counted from record 0 of the boot epoch; nil if the fault isn't a record's.
    package var record: UInt64?
    /// The path, or the buffer's or keyring's name, as the log has it: hostile bytes, shown through `escaped(_:)`.
    package var path: [UInt8]
    /// What was found, such as a digest; empty where the reason says it all. Escaped and bounded, as the next two are.
    package var found: String
    /// What was expected; empty where nothing particular was.
    package var expected: String
    /// What the operator can do.
    package var remedy: String
    /// Whether the policy only warns of it.
    package var isWarning: Bool

    /// A fault.
    ///
    /// - Parameter remedy: nil takes the reason's own.
    package init(
        _ reason: Reason, record: UInt64? = nil, path: [UInt8] = [], found: String = "", expected: String = "",
        remedy: String? = nil, isWarning: Bool = false
    ) {
        self.reason = reason
        self.record = record
        self.path = path
        self.found = escaped(text: found)
        self.expected = escaped(text: expected)
        self.remedy = remedy.map { escaped(text: $0) } ?? reason.remedy
        self.isWarning = isWarning
    }

    /// One line for people, the path escaped.
    package var description: String {
        var text = record.map { "record \($0): \(reason)" } ?? reason.rawValue
        if !path.isEmpty { text += " \(escaped(path))" }
        if !found.isEmpty { text += ", found \(found)" }
        if !expected.isEmpty { text += ", expected \(expected)" }
        return text
    }
}
