import Testing

@testable import Appraisal

@Suite("Excludes and globs")
struct ExcludeTests {
    private func excludes(_ patterns: [String], globs: [String] = []) throws -> (Excludes, [PolicyError.Fault]) {
        var warnings: [PolicyError.Fault] = []
        let excludes = try Excludes(
            regexes: patterns.map { Array($0.utf8) }, globs: globs.map { Array($0.utf8) }, warnings: &warnings)
        return (excludes, warnings)
    }

    private func contains(_ pattern: String, _ path: String) throws -> Bool {
        try excludes([pattern]).0.contains(path)
    }

    @Test(
        "An expression matches from the path's start and need not reach its end",
        arguments: [
            ("/tmp/.*", "/tmp/x", true), ("/tmp/.*", "/tmp/", true), ("/tmp/.*", "/var/tmp/x", false),
            ("/opt/x", "/opt/x.so", true), ("/opt/x$", "/opt/x.so", false), ("/opt/x$", "/opt/x", true),
            ("^/opt/x", "/opt/x.so", true), ("", "/any", true), ("/a|/b", "/b/c", true), ("/a\\.b", "/a.bc", true),
            ("/a\\.b", "/axb", false), ("/a.b", "/axb", true), ("(?i)/TMP/", "/tmp/x", true), ("/a\\d", "/a1", true),
            ("/[ab]+/x", "/abab/x", true), ("x", "/x", false), ("/tmp/.*\\.o", "/tmp/a.o", true),
            ("/tmp/.*\\.o", "/tmp/a.c", false), ("/a\\\\.*", "/a\\b", true), ("/a\\.*", "/a...", true),
        ])
    func expressions(pattern: String, path: String, isExcluded: Bool) throws {
        #expect(try contains(pattern, path) == isExcluded)
    }

    @Test("An expression that doesn't compile is an error with its index and offset")
    func badExpression() throws {
        let error = try #require(throws: PolicyError.self) { try excludes(["/a", "(", "/b[", "*"]) }
        #expect(error.faults.map(\.place) == ["excludes[1]", "excludes[2]", "excludes[3]"])
        #expect(error.faults[0].message.contains("at offset 1"))
    }

    @Test(
        "An expression that excludes everything is a warning", arguments: ["", ".*", "^", "^.*", "(?s).*", "/?", "x*"])
    func everything(pattern: String) throws {
        #expect(try excludes([pattern]).1.count == 1)
    }

    @Test("One that excludes much, but not everything, is none", arguments: ["/.*", "/", "$", "^$", "/tmp"])
    func notEverything(pattern: String) throws {
        #expect(try excludes([pattern]).1.isEmpty)
    }

    @Test("Many prefixes are told apart")
    func prefixes() throws {
        let (excludes, _) = try excludes(["/b/", "/a/.*", "/a/b/", "/c/d", "/c/e", "/a"])
        for path in ["/a", "/a/b/c", "/ab", "/b/", "/c/d", "/c/e/f"] {
            #expect(excludes.contains(path), "\(path)")
        }
        for path in ["", "/", "/b", "/c", "/c/f", "/d", "/c/"] {
            #expect(!excludes.contains(path), "\(path)")
        }
    }

    @Test("Bytes that are no UTF-8 match, whatever the pattern wants them to be")
    func bytes() throws {
        let (excludes, _) = try excludes(["/a.b$"])
        #expect(excludes.contains([0x2f, 0x61, 0xff, 0x62]))
        #expect(throws: PolicyError.self) { try self.excludes(["(*UTF)/a+"]) }
    }

    @Test("An expression that would match for ever ends, and counts as not excluded")
    func boundedTime() throws {
        let (excludes, _) = try excludes(["/(a+)+$", "/(.*)*\\1x"])
        let path = "/" + String(repeating: "a", count: 4000) + "!"
        let clock = ContinuousClock()
        let time = clock.measure { #expect(!excludes.contains(path)) }
        #expect(time < .seconds(5))
    }

    @Test(
        "A glob fits the whole path",
        arguments: [
            ("/tmp/*", "/tmp/a", true), ("/tmp/*", "/tmp/a/b", false), ("/tmp/**", "/tmp/a/b", true),
            ("/tmp/**", "/tmp/", true),
            ("/tmp/**", "/tmp", false), ("/**/*.so", "/a/b/c.so", true), ("/**/*.so", "/a/b/c.so.1", false),
            ("/a?c", "/abc", true),
            ("/a?c", "/a/c", false), ("/a\\*", "/a*", true), ("/a\\*", "/ab", false), ("*", "a", true),
            ("*", "/a", false),
            ("**", "", true), ("", "", true), ("", "a", false), ("/*/x/*", "/a/x/b", true),
            ("/*/x/*", "/a/b/x/c", false),
            ("/**/x/*", "/a/b/x/c", true), ("/a*b*c", "/axxbyybzc", true), ("**a*b", "/x/a/ab", true),
            ("**a*b", "/xa/b", false),
            ("/a**b/*c", "/a/x/b/b/dc", true), ("/opt/x", "/opt/x.so", false), ("/a\\", "/a\\", true),
        ])
    func globs(pattern: String, path: String, fits: Bool) throws {
        #expect(Glob(Array(pattern.utf8)).matches(path) == fits)
        let (excludes, _) = try excludes([], globs: [pattern])
        #expect(excludes.contains(path) == fits)
    }

    @Test("A hostile path makes no glob slow")
    func slowGlob() {
        let glob = Glob(Array("**a**a**a**a**a*a*a*a*b".utf8))
        let path = String(repeating: "a", count: 4000)
        let time = ContinuousClock().measure { #expect(!glob.matches(path)) }
        #expect(time < .seconds(5))
    }

    @Test(
        "One that can fit no path is a warning",
        arguments: [
            "tmp/", "^tmp", "^^x", "usr/.*", "\\-x", "memfd", "\u{feff}/tmp/", "/var/log/ # trailing", "/a b", "^/a b$",
            "/a\\d b",
        ])
    func unfitting(pattern: String) throws {
        let warnings = try excludes(["/ok", pattern]).1
        #expect(warnings.count == 1 && warnings[0].place == "excludes[1]")
        #expect(warnings.first?.message.contains("can fit no path") == true)
    }

    @Test(
        "One that may fit a path is none",
        arguments: [
            "/tmp", "^/tmp", "\\/tmp", "./tmp", "[/x]tmp", "(/tmp|x)", "x|/tmp", "x*/tmp", "x{0,1}/tmp", "(?i)/TMP",
            ".*log",
            "\\d", "\\x2f", "boot_aggregate", "^boot_aggregate$", "boot.*", "/a *b", "/a[ _]b", "(a b)*/c", "/a\\ {0}b",
            "$",
        ])
    func fitting(pattern: String) throws {
        #expect(try excludes([pattern]).1.filter { $0.message.contains("can fit no path") }.isEmpty)
    }
}
