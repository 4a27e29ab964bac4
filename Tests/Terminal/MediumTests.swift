import Testing

@testable import Terminal

@Suite("What standard output can show") struct MediumTests {
    private func medium(_ variables: [String: String], isTerminal: Bool = true, columns: Int = 100) -> Medium {
        Medium(isTerminal: isTerminal, columns: columns) { variables[$0] }
    }

    @Test("Colours are for a terminal that can, unless NO_COLOR is set to something")
    func colours() {
        #expect(medium(["TERM": "xterm"]).showsColour && medium(["TERM": "xterm", "NO_COLOR": ""]).showsColour)
        #expect(medium(["TERM": "xterm"]).styled("x", .good) == "\u{1b}[32mx\u{1b}[0m")
        for variables in [["TERM": "dumb"], ["TERM": ""], [:], ["TERM": "xterm", "NO_COLOR": "1"]] {
            #expect(!medium(variables).showsColour && medium(variables).styled("x", .good) == "x")
        }
        #expect(!medium(["TERM": "xterm"], isTerminal: false).showsColour)
    }

    @Test("A line is overwritten on a terminal that isn't dumb, coloured or not")
    func overwriting() {
        #expect(medium(["TERM": "xterm", "NO_COLOR": "1"]).overwrites)
        #expect(!medium(["TERM": "dumb"]).overwrites && !medium(["TERM": "xterm"], isTerminal: false).overwrites)
    }

    @Test(
        "Bars and trees are of the locale's characters, by the first variable that says something",
        arguments: [
            (["LANG": "de_DE.UTF-8"], true), (["LANG": "C.utf8"], true), (["LANG": "de_DE.UTF-8@euro"], true),
            (["LANG": "C"], false), (["LANG": "POSIX"], false), ([:], false), (["LANG": "de_DE"], false),
            (["LANG": "de_DE.ISO-8859-1"], false), (["LC_ALL": "C", "LANG": "de_DE.UTF-8"], false),
            (["LC_ALL": "", "LC_CTYPE": "C", "LANG": "C.UTF-8"], false),
            (["LC_CTYPE": "C.UTF-8", "LANG": "C"], true),
        ] as [([String: String], Bool)])
    func characters(variables: [String: String], isUnicode: Bool) {
        for isTerminal in [true, false] {
            #expect(medium(variables, isTerminal: isTerminal).drawing == (isUnicode ? .unicode : .ascii))
        }
    }

    @Test("Only a terminal has a width: COLUMNS, or its window's, or 80")
    func width() {
        #expect(medium(["COLUMNS": "60"]).width == 60 && medium([:]).width == 100)
        #expect(medium(["COLUMNS": "-1"]).width == 100 && medium(["COLUMNS": "wide"], columns: 0).width == 80)
        #expect(medium(["COLUMNS": "60"], isTerminal: false).width == nil)
    }

    @Test("ASCII drawings are ASCII")
    func ascii() {
        let drawing = Drawing.ascii
        for text in [drawing.done, drawing.open, drawing.branch, drawing.lastBranch, drawing.stem, drawing.lastStem] {
            #expect(text.utf8.allSatisfy { $0 < 0x80 })
        }
        #expect(ProgressBar(width: 4, drawing: .ascii).line(done: 1, total: 2) == "##.. 50 %")
    }
}

@Suite("Text that is longer than a line") struct WrappingTests {
    @Test("is broken behind blanks, slashes and commas, and no word is cut")
    func breaks() {
        func cell(_ text: String, _ width: Int) -> [String] {
            wrapped(text, width: width, behind: .blanksAndSeparators)
        }
        #expect(cell("one two three", 8) == ["one two", "three"])
        #expect(cell("/usr/lib/a", 6) == ["/usr/", "lib/a"])
        #expect(cell("sha256,sha384", 8) == ["sha256,", "sha384"])
        #expect(cell("a 0123456789 b", 5) == ["a", "0123456789", "b"])
        #expect(cell("", 5) == [""] && cell("fits", 4) == ["fits"])
        #expect(cell("\u{1b}[32mfits\u{1b}[0m", 4) == ["\u{1b}[32mfits\u{1b}[0m"])
        #expect(wrapped("in /usr/lib/a", width: 8, behind: .blanks) == ["in", "/usr/lib/a"])
    }

    @Test("goes on below where it begins, unless it has a command in it, or there is no room")
    func paragraphs() {
        let text = "one two three four five six seven"
        #expect(paragraph("ok  ", text, width: 30) == ["ok  one two three four five", "    six seven"])
        #expect(paragraph("ok  ", text, width: nil) == ["ok  " + text])
        #expect(paragraph("ok  ", text, width: 20) == ["ok  " + text])
        #expect(paragraph("", "    " + text, width: 30) == ["    one two three four five", "    six seven"])
        let command = "then run: assay-verifier agents revoke web-1 --undo"
        #expect(paragraph("", command, width: 30) == [command])
    }
}

@Suite("A table on a narrow terminal") struct FittingTests {
    private func lines(_ table: Table, _ width: Int, coloured: Bool = false) -> [String] {
        String(decoding: table.text(coloured: coloured, width: width), as: UTF8.self).dropLast().split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
    }

    private func settings() -> Table {
        var table = Table(["SETTING", "VALUE", "N"], rightAligned: [2])
        table.append(["store.path", "/var/lib/assay-verifier/store", "1"])
        table.append(["banks", "sha256, sha384, sha512", "22"], styles: [1: .good])
        return table
    }

    @Test("is as ever where it fits")
    func fits() {
        let table = settings()
        #expect(table.text(width: 80) == table.text() && table.text(width: nil) == table.text())
    }

    @Test("has cells of several lines")
    func wraps() {
        #expect(
            lines(settings(), 36) == [
                "SETTING     VALUE                  N", "store.path  /var/lib/              1",
                "            assay-verifier/store", "banks       sha256, sha384,       22", "            sha512",
            ])
        #expect(
            lines(settings(), 36, coloured: true).filter { $0.contains("\u{1b}") }.map { $0.prefix(17) } == [
                "banks       \u{1b}[32m", "            \u{1b}[32m",
            ])
    }

    @Test("becomes a block a row where a digest has no room beside the rest")
    func blocks() {
        let digest = String(repeating: "d", count: 64)
        var table = Table(["NAME", "SHA-256", "AGENTS"], rightAligned: [2])
        table.append(["web", digest, "4"])
        table.append(["spare", digest, ""])
        #expect(
            lines(table, 72) == [
                "NAME     web", "SHA-256  \(digest)", "AGENTS   4", "", "NAME     spare", "SHA-256  \(digest)",
            ])
    }
}
