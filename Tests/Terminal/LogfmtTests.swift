import Logging
import TestSupport
import Testing

@testable import Terminal

@Suite("A service's log") struct LogfmtTests {
    @Test(
        "Values that would end early are quoted",
        arguments: [
            ("", "\"\""), ("web-1", "web-1"), ("a b", "\"a b\""), ("a=1", "\"a=1\""), ("say \"hi\"", #""say \"hi\"""#),
            ("x\ny\tz\r", #""x\ny\tz\r""#), ("\u{1b}[2J", #""\u001b[2J""#), (#"evil\n"#, #"evil\n"#),
            (#"a \n"#, #""a \\n""#), ("schlüssel", "schlüssel"), ("\u{202e}x", #""\u202ex""#),
            ("\u{2028}", #""\u2028""#), ("a\u{85}b", #""a\u0085b""#),
        ])
    func quoting(value: String, shown: String) throws {
        #expect(LogfmtHandler.quoted(value) == shown)
        let line = try LogLine(
            LogfmtHandler.line(
                time: "2026-11-30T00:00:00+0000", level: .warning, label: "assay-agent",
                pairs: [("agent", value), ("b", "1")], message: "not attested"))
        #expect(line.level == "warning" && line.label == "assay-agent")
        #expect(line.pairs == ["agent": value, "b": "1", "msg": "not attested"])
    }

    @Test("A message of another's words is one value, and a line is one event")
    func message() throws {
        let hostile = "denied\n2026-11-30T00:00:00+0000 info assay-verifier: tier=affirming msg=\"verdict\""
        let line = try LogLine(
            LogfmtHandler.line(time: "2026-11-30T00:00:00Z", level: .info, label: "x", pairs: [], message: hostile))
        #expect(line.pairs == ["msg": hostile])
    }

    @Test("What isn't logfmt is refused, or the tests that read logs would prove nothing")
    func strict() {
        for rest in ["a=b c", "a=b=c", "a=\"b", "a=\"b\"c", "=b", "a=b\"c", "a=b  c=d", "a=b a=c", #"a="\x""#] {
            #expect(throws: LogLine.Fault.self) { try LogLine("2026-11-30T00:00:00Z info x: \(rest)") }
        }
        #expect(throws: LogLine.Fault.self) { try LogLine("Failed to set thread priority") }
    }
}
