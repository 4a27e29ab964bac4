import Appraisal
import Terminal

extension Finding {
    /// Shows it with its remedy below.
    ///
    /// - Parameter columns: of blanks before it.
    func show(indentedBy columns: Int) {
        let blanks = String(repeating: " ", count: columns)
        Output.paragraph(blanks, "\(isWarning ? "warning, " : "")\(self)")
        Output.paragraph(blanks + "  remedy: ", remedy)
    }
}

extension [String: UInt64] {
    /// Counts by reason for people, in the words' order: `not_in_policy (1), violation (12)`.
    var phrase: String {
        sorted { $0.key < $1.key }.map { "\($0.key) (\(readableCount($0.value)))" }.joined(separator: ", ")
    }
}
