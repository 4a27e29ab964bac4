import FuzzTargets
import Foundation

/// Runs one fuzz target: `fuzz list`, `fuzz seeds TARGET FOLDER`, `fuzz TARGET ...`.
///
/// Built with `-D LIBFUZZER` and `-sanitize=fuzzer` the last one is libFuzzer, with its own arguments. Built plainly it is
/// `fuzz TARGET SECONDS`: the mutator of the ordinary tests, from another seed each time, without a view of what is covered.
@main
enum Runner {
    static func main() throws {
        let arguments = CommandLine.arguments
        switch arguments.dropFirst().first {
        case "list": FuzzTarget.all.forEach { print($0.name) }
        case "seeds" where arguments.count == 4:
            guard let target = FuzzTarget.named(arguments[2]) else { return usage() }
            try writeSeeds(target, URL(filePath: arguments[3]))
        case let name?:
            guard let target = FuzzTarget.named(name) else { return usage() }
            try run(target, Array(arguments.dropFirst(2)))
        case nil: usage()
        }
    }

    private static func usage() {
        print("usage: fuzz list | fuzz seeds TARGET FOLDER | fuzz TARGET ARGUMENTS")
        exit(2)
    }

    private static func writeSeeds(_ target: FuzzTarget, _ folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (index, seed) in try target.seeds().enumerated() {
            try Data(seed).write(to: folder.appending(path: "seed-\(index)"))
        }
    }

    /// A property that doesn't hold ends the process as a trap does, so that one way finds and keeps both.
    fileprivate static func check(_ target: FuzzTarget, _ input: [UInt8]) {
        do {
            try target.check(input)
        } catch {
            print("\(target.name): \(error)")
            abort()
        }
    }
}

#if LIBFUZZER
    /// The target that libFuzzer's callback runs.
    ///
    /// `nonisolated(unsafe)`: set once, before libFuzzer starts; it calls back on the thread that called it.
    nonisolated(unsafe) private var current: FuzzTarget?

    /// What libFuzzer calls with each input.
    @_cdecl("LLVMFuzzerTestOneInput")
    func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
        if let current { Runner.check(current, Array(UnsafeBufferPointer(start: bytes, count: count))) }
        return 0
    }

    @_silgen_name("LLVMFuzzerRunDriver")
    private func runDriver(
        _ count: UnsafeMutablePointer<Int32>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
    ) -> Int32

    extension Runner {
        private static func run(_ target: FuzzTarget, _ arguments: [String]) throws {
            current = target
            let words = [CommandLine.arguments[0]] + arguments
            var list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: words.count + 1)
            for (index, word) in words.enumerated() { list[index] = strdup(word) }
            list[words.count] = nil
            var count = Int32(words.count)
            exit(runDriver(&count, &list, testOneInput))
        }
    }
#else
    extension Runner {
        private static func run(_ target: FuzzTarget, _ arguments: [String]) throws {
            let seconds = arguments.first.flatMap { Double($0) } ?? 60
            let kept = URL(filePath: "fuzz-\(target.name)-last")
            var corpus = try target.seeds()
            var mutator = Mutator(seed: UInt64.random(in: .min ... .max))
            let end = Date(timeIntervalSinceNow: seconds)
            var runs = 0
            while Date() < end {
                for _ in 0..<100 {
                    let input = mutator.mutated(
                        corpus.randomElement(using: &mutator) ?? [], with: corpus.randomElement(using: &mutator) ?? [])
                    // A trap leaves no other trace of what led to it.
                    if runs % 100 == 0 { try? FileManager.default.removeItem(at: kept) }
                    try Data(input).write(to: kept)
                    check(target, input)
                    if corpus.count < 1000, runs % 50 == 0 { corpus.append(input) }
                    runs += 1
                }
            }
            try? FileManager.default.removeItem(at: kept)
            print("\(target.name): \(runs) inputs")
        }
    }
#endif
