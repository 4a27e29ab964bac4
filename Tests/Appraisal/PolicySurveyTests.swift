import Testing

@testable import Appraisal

@Suite("What deserves a look in a policy that was made of a log")
struct PolicySurveyTests {
    private func survey(
        _ files: [String: Int], excludes: [String] = [], keyrings: [String: Int] = [:]
    ) throws -> PolicySurvey {
        var document = PolicyDocument()
        let entry = { (name: String, digests: Int) in
            PolicyDocument.Entry(
                name: Array(name.utf8), digests: (0..<digests).map { [UInt8](repeating: UInt8($0), count: 32) })
        }
        document.digests = files.map { entry($0.key, $0.value) }
        document.keyrings = keyrings.map { entry($0.key, $0.value) }
        document.excludes = excludes.map { Array($0.utf8) }
        return try PolicySurvey(of: document)
    }

    private func text(_ names: [[UInt8]]) -> [String] { names.map { String(decoding: $0, as: UTF8.self) } }

    @Test("counts what is listed") func counts() throws {
        let survey = try survey(["boot_aggregate": 2, "/a": 1, "/b": 1], keyrings: ["_ima": 1, ".ima": 3])
        #expect(survey.files == 2 && survey.listsBootAggregate)
        #expect(text(survey.keyrings.map(\.name)) == [".ima", "_ima"] && survey.keyrings.map(\.keys) == [3, 1])
        #expect(survey.changing.isEmpty && survey.usersOwn.isEmpty && survey.unrooted.isEmpty)
        #expect(survey.proposedExcludes.isEmpty)
    }

    @Test("names files that change, that users write, and names that are no paths") func names() throws {
        let survey = try survey([
            "/usr/bin/a": 1, "/etc/b": 2, "/tmp/x": 1, "/home/u/y": 1, "/tmpfile": 1, "memfd:z": 1, "/run/user/1/q": 1,
        ])
        #expect(text(survey.changing) == ["/etc/b"])
        #expect(text(survey.usersOwn) == ["/home/u/y", "/run/user/1/q", "/tmp/x"])
        #expect(text(survey.unrooted) == ["memfd:z"])
        #expect(text(survey.proposedExcludes) == ["/run/", "/tmp/", "/etc/b$"])
    }

    @Test("proposes expressions that fit the very paths, and none that an exclude fits already") func proposals()
        throws
    {
        let odd = "/etc/a+b(c).d[1]{2}|^$\\x*?"
        let survey = try survey([odd: 2, "/etc/new\nline": 2, "memfd:m": 2, "/var/log/x": 3], excludes: ["/var/log/"])
        #expect(survey.proposedExcludes.count == 1)
        var document = PolicyDocument()
        document.excludes = survey.proposedExcludes
        let excluded = try ExcludedPaths(of: document)
        #expect(excluded.contains(Array(odd.utf8)))
        #expect(!excluded.contains(Array((odd + "y").utf8)) && !excluded.contains(Array("/etc/aab".utf8)))
    }
}
