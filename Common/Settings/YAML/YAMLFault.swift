/// Why a text isn't YAML, in words that say what to write: libyaml's own are about its grammar.
struct YAMLFault: Hashable {
    /// Where it begins, from 1: libyaml says where it noticed, which can be the end of the file.
    let line: Int
    /// What is wrong there.
    let problem: String

    /// - Parameters:
    ///   - words: libyaml's, of the problem.
    ///   - line: where it was noticed.
    ///   - context: libyaml's words for what was being read; nil for none.
    ///   - start: the line where that begins.
    init(_ words: String, line: Int, context: String?, start: Int?) {
        let rule = Self.rules.first { words.contains($0.words) && (context ?? "").contains($0.context) }
        self.line = rule?.isOfStart == true ? start ?? line : line
        problem = rule?.problem ?? words
    }

    private struct Rule {
        let words: String
        var context = ""
        let problem: String
        /// Whether the fault is where its context begins.
        var isOfStart = false
    }

    private static let rules = [
        Rule(
            words: "unexpected end of stream", context: "quoted scalar",
            problem: "a quote is opened in this line, and never closed", isOfStart: true),
        Rule(
            words: "unexpected document indicator", context: "quoted scalar",
            problem: "a quote is opened in this line, and not closed before the line of dashes", isOfStart: true),
        Rule(
            words: "expected ',' or ']'", problem: "a list is opened in this line ([), and not closed (])",
            isOfStart: true),
        Rule(
            words: "expected ',' or '}'", problem: "a section is opened in this line ({), and not closed (})",
            isOfStart: true),
        Rule(words: "could not find expected ':'", problem: "this line has no colon behind its key", isOfStart: true),
        Rule(
            words: "mapping values are not allowed",
            problem: "a colon stands where none is awaited: the line before lacks its own, or the value must be in "
                + "quotes"),
        Rule(
            words: "did not find expected key",
            problem: "this can't stand here: the line is indented otherwise than its section, or a quote before it "
                + "isn't closed"),
        Rule(words: "tab character", problem: "a tab indents the line: use blanks"),
        Rule(
            words: "cannot start any token",
            problem: "a tab indents the line, or a value begins with @, ` or %: indent with blanks, and put the value "
                + "in quotes"),
        Rule(words: "<document start>", problem: "this line is no setting: write KEY: VALUE"),
        Rule(
            words: "unknown escape",
            problem: "a backslash in double quotes is an escape: use single quotes, or write \\\\"),
        Rule(words: "control characters", problem: "a control character stands there"),
        Rule(words: "sequence entries are not allowed", problem: "a dash begins a list where none can stand"),
    ]
}
