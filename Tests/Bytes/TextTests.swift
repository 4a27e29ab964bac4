import Bytes
import Foundation
import Testing

@Suite("Text of others") struct TextTests {
    @Test(
        "can't act on a terminal or a log, and keeps its backslashes",
        arguments: [
            ("plain words", "plain words"),
            ("ümlaut ∞ 日本", "ümlaut ∞ 日本"),
            ("one\ntwo\r\u{1b}[2J\u{9b}31m", "one\\ntwo\\x0d\\x1b[2J\\xc2\\x9b31m"),
            ("\u{202e}gpj.exe\u{200b}", "\\xe2\\x80\\xaegpj.exe\\xe2\\x80\\x8b"),
            ("/tmp/a\\x0ab", "/tmp/a\\x0ab"),
            ("", ""),
        ])
    func escaping(text: String, shown: String) {
        #expect(escaped(text: text) == shown)
        #expect(escaped(text: shown) == shown)
    }

    @Test("is cut to its limit, between two characters", arguments: ["a", "é", "∞", "\n", "\u{1f512}", "e\u{301}"])
    func limit(character: String) {
        for count in 0..<80 {
            let text = "x" + String(repeating: character, count: count)
            let shown = escaped(text: text, limit: 40)
            #expect(shown.utf8.count <= 40)
            let whole = escaped(text: text, limit: .max)
            #expect(whole.utf8.count <= 40 ? shown == whole : shown.hasSuffix("..."))
            #expect(
                whole.hasPrefix(shown.hasSuffix("...") ? String(shown.dropLast(3)) : shown) || character == "e\u{301}")
            #expect(escaped(text: shown, limit: 40) == shown)
        }
        let large = String(repeating: character, count: 4 << 20)
        #expect(escaped(text: large).utf8.count <= peerTextLimit)
    }

    @Test(
        "comes out of a shell as it went in",
        arguments: [
            "web-1", "", "a b", "x;reboot", "$(id)", "`id`", "it's", "'", "\\", "a\\nb", "~root", "*", "-x", "é ∞",
            "a=b",
            "!!", "#", "new\nline", "tab\tquote'back\\slash\u{1b}", "\u{202e}",
        ])
    func shell(word: String) throws {
        let quoted = shellQuoted(word.utf8)
        #expect(escaped(text: quoted) == quoted)
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/bash")
        shell.arguments = ["-c", "printf %s \(quoted)"]
        if word.hasPrefix("-") { shell.arguments = ["-c", "printf %s -- \(quoted)"] }
        let pipe = Pipe()
        shell.standardOutput = pipe
        try shell.run()
        let printed = try pipe.fileHandleForReading.readToEnd() ?? Data()
        shell.waitUntilExit()
        #expect(String(decoding: printed, as: UTF8.self) == (word.hasPrefix("-") ? "--" : "") + word)
    }

    @Test("that needs no quotes gets none") func plain() {
        #expect(shellQuoted("host-1.example.org".utf8) == "host-1.example.org")
        #expect(shellQuoted("x;reboot".utf8) == "'x;reboot'")
        #expect(shellQuoted([0xff]) == "$'\\xff'")
    }
}
