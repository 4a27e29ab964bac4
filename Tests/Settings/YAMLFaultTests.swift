import Foundation
import Testing

@testable import Settings

@Suite("A file that isn't YAML") struct YAMLFaultTests {
    private func fault(_ bytes: [UInt8]) throws -> (place: String, problem: String) {
        let file = FileManager.default.temporaryDirectory.appending(path: "assay-yaml-\(UUID().uuidString).yaml")
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let error = try #require(#expect(throws: SettingsError.self) { try ConfigurationFile(path: file.path) })
        let fault = try #require(error.faults.first)
        return (String(fault.place.dropFirst(file.path.count)), fault.problem)
    }

    @Test(
        "is told where the fault begins, in words that say what to write",
        arguments: [
            ("a: 1\nb:\n  c: \"127.0.0.1\n  d: 1\ne: x\n", 3, "a quote is opened in this line, and never closed"),
            ("b:\n  c 127.0.0.1\n  d: 1\n", 3, "the line before lacks its own"),
            ("b:\n\tc: 1\n", 2, "indent with blanks"), ("a: 1\nb: [1\nc: x\n", 2, "a list is opened in this line"),
            ("a: 1\nb: {d: 1\nc: x\n", 2, "a section is opened in this line"),
            ("a: @x\n", 1, "put the value in quotes"),
            ("a: 1\nb\n", 2, "no colon behind its key"),
            ("a: b: c\n", 1, "the value must be in quotes"), ("a: *x\n", 1, "must be in quotes"),
            ("a: \"\\q\"\n", 1, "use single quotes"), ("a: x\n---\nb: y\n", 2, "a second document begins here"),
            ("a: x\nb: \u{1}\n", 2, "a control character"), ("a: x\n}\n", 2, "this can't stand here"),
        ])
    func told(text: String, line: Int, words: String) throws {
        let fault = try fault(Array(text.utf8))
        #expect(fault.place == ":\(line)", "\(fault)")
        #expect(["is not YAML: ", "cannot be read: "].contains { fault.problem.hasPrefix($0) }, "\(fault)")
        #expect(fault.problem.contains(words), "\(fault)")
    }

    @Test("is UTF-16, and said to be so") func encoding() throws {
        let text: [UInt8] = "store: x\n".utf8.flatMap { [$0, 0] as [UInt8] }
        #expect(try fault([0xff, 0xfe] + text).problem.contains("this file is UTF-16: save it as UTF-8"))
    }

    @Test("keeps libyaml's words where there are none of ours") func unknown() {
        let fault = YAMLFault("something new", line: 7, context: "while parsing", start: 3)
        #expect(fault.line == 7 && fault.problem == "something new")
    }
}
