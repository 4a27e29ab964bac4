import ArgumentParser
import Testing

@Suite("A command line that is shown") struct CommandLineTests {
    @Test("in a block of a page is one that its program takes", arguments: try ShownText.pages()) func block(
        page: ShownText
    ) throws {
        for line in page.blockLines.flatMap({ page.commandLines(in: $0, isWhole: true) }) { try parse(line) }
    }

    @Test("within a sentence of a page has commands and options that there are", arguments: try ShownText.pages())
    func span(page: ShownText) throws {
        for line in page.spans.flatMap({ page.commandLines(in: $0, isWhole: false) }) { try parse(line) }
    }

    @Test("in a program's help is one that its program takes", arguments: ShownText.helps) func help(help: ShownText)
        throws
    {
        for line in help.exampleLines.flatMap({ help.commandLines(in: $0, isWhole: true) }) { try parse(line) }
        for line in help.spans.flatMap({ help.commandLines(in: $0, isWhole: false) }) { try parse(line) }
    }

    @Test("is found at all: the pages and the helps have many") func found() throws {
        let pages = try ShownText.pages()
        #expect(pages.count > 10)
        #expect(
            pages.flatMap { page in page.blockLines.flatMap { page.commandLines(in: $0, isWhole: true) } }.count > 40)
        #expect(pages.flatMap { page in page.spans.flatMap { page.commandLines(in: $0, isWhole: false) } }.count > 60)
        #expect(
            ShownText.helps.flatMap { help in
                help.exampleLines.flatMap { help.commandLines(in: $0, isWhole: true) }
            }.count > 10)
    }

    @Test("names no option that no program has") func options() throws {
        let known = DocumentedProgram.all.reduce(into: Set<String>()) { $0.formUnion($1.options) }
        var foreign: Set<String> = []
        for page in try ShownText.pages() {
            for span in page.spans {
                guard let option = ShownText.option(span), !known.contains(option) else { continue }
                #expect(Self.others.contains(option), "\(page.place): \(span)")
                foreign.insert(option)
            }
        }
        #expect(foreign == Self.others)
    }

    /// Options of other programs: Keylime's, evmctl's, of sha256sum and its family, the linker's.
    private static let others: Set = [
        "--gc-sections", "--no-export-dynamic",
        "--ignore-violations", "--keyid-from-cert", "--runtime-policy", "--tag", "--tpm-policy", "--verify-sig",
    ]

    private func parse(_ line: ShownCommandLine) throws {
        let program = try #require(DocumentedProgram.all.first { $0.name == line.words[0] })
        do {
            _ = try program.root.parseAsRoot(Array(line.words.dropFirst()))
        } catch {
            let message = program.root.message(for: error)
            let isAsked = program.root.exitCode(for: error) == .success  // --help, --version
            let lacksArguments = !line.isWhole && (message.contains("Missing ") || message.hasPrefix("give "))
            #expect(isAsked || lacksArguments, "\(line.testDescription): \(message)")
            // Which of several faults a parser names first is its own affair.
            let unknown = line.words.compactMap(ShownText.option).filter { !program.options.contains($0) }
            #expect(unknown.isEmpty, "\(line.testDescription)")
        }
    }
}
