import Glibc
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
        "An expression that excludes everything is a warning",
        arguments: ["", ".*", "^", "^.*", "(?s).*", "/?", "x*", "/", "/.*", "^/"])
    func everything(pattern: String) throws {
        #expect(try excludes([pattern]).1.count == 1)
    }

    @Test(
        "One that excludes much, but not everything, is none",
        arguments: ["/.*x", "/[a-z]", "/tmp", "/tmp|/x", "(?=/)/tmp"])
    func notEverything(pattern: String) throws {
        #expect(try excludes([pattern]).1.isEmpty)
    }

    @Test("Names that are no paths meet no exclude and no glob, and expressions over them no path")
    func unrooted() throws {
        var warnings: [PolicyError.Fault] = []
        let excludes = try Excludes(
            regexes: [".*", "memfd:", "m"].map { Array($0.utf8) }, globs: ["**", "memfd:*"].map { Array($0.utf8) },
            unrootedNames: ["boot", "/x", ".*y$"].map { Array($0.utf8) }, warnings: &warnings)
        for name in ["memfd:a", "m", "", "x"] { #expect(!excludes.contains(name), "\(name)") }
        for name in ["boot_x", "memfd:y", "/memfd"] { #expect(excludes.contains(name), "\(name)") }
        let narrow = try Excludes(
            regexes: [], globs: [], unrootedNames: [".*"].map { Array($0.utf8) }, warnings: &warnings)
        #expect(!narrow.contains("/x") && narrow.contains("x") && narrow.contains(""))
    }

    @Test(
        "What a name must begin with is known of an expression, or may be anything",
        arguments: [
            ("memfd:.*", "m"), ("memfd", "m"), ("^memfd:[a-z]", "m"), ("boot_aggregate|memfd:x", "bm"),
            ("(boot|/dev/shm)/.*", "b/"), ("(?i)memfd:x", "mM"), ("[ab]x", "ab"), ("x+y", "x"), ("/a.*b", "/"),
        ])
    func firstBytes(pattern: String, first: String) throws {
        let found = try FirstBytes(of: Array(pattern.utf8))
        for byte in first.utf8 { #expect(found.contains(byte)) }
        for byte in "/bmx".utf8 where !first.utf8.contains(byte) { #expect(!found.contains(byte), "\(found)") }
    }

    @Test("Of others nothing is known", arguments: ["", ".*", "x*", "x?y|", "(?=m)?", ".x", "(?s).*x", "(a)?b?"])
    func anyFirstByte(pattern: String) throws {
        let first = try FirstBytes(of: Array(pattern.utf8))
        #expect(first.contains(UInt8(ascii: "/")), "\(first)")
    }

    @Test("Expressions that fit no path move to those over other names; boot_aggregate's and broken ones stay")
    func sortedOut() throws {
        var document = PolicyDocument()
        document.excludes = ["boot_aggregate", "/tmp/", "memfd:.*", ".*\\.pyc", "(", "(?:x|/y)", "memfd:.*"].map {
            Array($0.utf8)
        }
        document.assay.unrootedNames = [Array("memfd:y".utf8)]
        document.sortOutExcludes()
        #expect(
            document.excludes == ["boot_aggregate", "/tmp/", ".*\\.pyc", "(", "(?:x|/y)"].map { Array($0.utf8) })
        #expect(document.assay.unrootedNames == ["memfd:y", "memfd:.*"].map { Array($0.utf8) })
        var draft = PolicyDraft()
        try draft.exclude(ExcludeList(Array("memfd:x\n/run/\n".utf8), file: "list"))
        #expect(draft.document.excludes == [Array("/run/".utf8)])
        let list = ExcludeList(Array("boot_aggregate\n/run/\n".utf8), file: "list")
        let converted = try LegacyAllowlist.convert([], excludes: list).document
        #expect(converted.excludes == ["boot_aggregate", "/run/"].map { Array($0.utf8) })
        #expect(converted.assay.unrootedNames.isEmpty)
    }

    @Test(
        "What an expression begins with is looked at first, and changes nothing that it fits",
        arguments: [
            ("/var/log/.*\\.log$", "/var/log/"), ("/x*y", "/"), ("/x+y", "/x"), ("/x?y", "/"), ("/x{0}y", "/"),
            ("^/a\\.b[c]", "/a.b"), ("/a|/b.", ""), ("/(a|b)c", "/"), ("/a(b|c)", "/a"), ("/a[|]", ""), ("/a\\d", "/a"),
            ("(?i)/A", ""), ("/a(?i)B", "/a"), ("/a.b|c", ""), ("/a(b)|c", ""), ("/a\\Q.\\E", "/a"), ("/a\\.*", "/a"),
        ])
    func literalPrefix(pattern: String, prefix: String) throws {
        #expect(LiteralPrefix(of: Array(pattern.utf8)[...]).bytes == Array(prefix.utf8))
        for path in [
            "/var/log/a.log", "/y", "/xy", "/a.bc", "/b.", "/ac", "/ab", "/a|", "/a1", "/A", "/aB", "c", "/a.",
        ] {
            let subject = Array(path.utf8)
            let regex = try ByteRegex(Array(pattern.utf8))
            let direct = try ByteRegex(Array("(?:\(pattern))".utf8))
            let matcher = RegexMatcher()
            let isMatch = subject.withUnsafeBytes { matcher.matches(regex, $0) }
            #expect(isMatch == subject.withUnsafeBytes { matcher.matches(direct, $0) }, "\(path)")
        }
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

    /// Names that PCRE2 has no short cut for: the byte that each expression ends in is there.
    static let hostile = [
        String(repeating: "a", count: 4093) + "!", String(repeating: "/a", count: 2046) + "a!",
        String(repeating: "xz", count: 2046) + "q!",
    ].map { "/" + $0 }

    @Test(
        "The longest of names costs an expression the same few steps, however many stars it has",
        arguments: [
            ".*.*z!", ".*.*.*z!", ".*?.*?.*?z!", "/.*a.*a.*a.*z!", "(.*a)*z!", "(?:a|x|.)*z!", "/[^!]*/[^!]*z!",
            "(a+)+z!", "(/.*)*z!", "(?R)?a|/z!", "(?:(?:a*)*)*z!",
        ])
    func boundedSteps(pattern: String) throws {
        let (excludes, _) = try excludes([pattern])
        for name in Self.hostile {
            #expect(name.utf8.count == 4095)
            let began = processorTime()
            for _ in 0..<10 { #expect(!excludes.contains(name)) }
            // A third of a millisecond each; compiled code, under the same limit, took six.
            #expect(processorTime() - began < 0.020, "\(pattern)")
        }
    }

    /// What this thread has used of a processor, in seconds.
    private func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    @Test("Whether a name is excluded doesn't depend on what the kernel lets be compiled: every step counts, always")
    func countedSteps() throws {
        // There is a match, some 8 million steps away, of which compiled code counts a few thousand.
        let (excludes, _) = try excludes([".*.*z!"])
        #expect(!excludes.contains("/z!" + String(repeating: "a", count: 4000)))
        // What people write is far from the limit.
        let (sane, _) = try self.excludes([".*/cache/.*\\.tmp$"])
        #expect(
            sane.contains(
                "/" + String(repeating: "a/", count: 1000) + "cache/" + String(repeating: "b", count: 2000) + ".tmp"))
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
        #expect(excludes.contains(path) == (fits && path.hasPrefix("/")))
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
            "/a\\d b", "\\d",
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
            "\\x2f", "boot_aggregate", "^boot_aggregate$", "boot.*", "/a *b", "/a[ _]b", "(a b)*/c", "/a\\ {0}b",
            "$",
        ])
    func fitting(pattern: String) throws {
        #expect(try excludes([pattern]).1.filter { $0.message.contains("can fit no path") }.isEmpty)
    }
}
