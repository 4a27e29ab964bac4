import Foundation
import FuzzTargets
import TestSupport
import Testing

/// What fuzzing found once never comes back; and a short walk from the seeds, the same each time.
@Suite("Fuzz targets")
struct FuzzReplayTests {
    private static let crashes = Fixtures.folder.deletingLastPathComponent().appending(path: "Fuzz/Crashes")

    @Test("Every kept case passes", arguments: FuzzTarget.all)
    func kept(target: FuzzTarget) throws {
        let folder = Self.crashes.appending(path: target.name)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names.sorted() {
            let input = [UInt8](try Data(contentsOf: folder.appending(path: name)))
            #expect(throws: Never.self, "\(name)") { try target.check(input) }
        }
    }

    @Test("No folder of kept cases is without a target")
    func folders() throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: Self.crashes.path)) ?? []
        for name in names where !name.contains(".") { #expect(FuzzTarget.named(name) != nil, "\(name)") }
    }

    @Test("Every seed passes, and so does what a few changes make of it", arguments: FuzzTarget.all)
    func seeds(target: FuzzTarget) throws {
        let seeds = try target.seeds()
        #expect(!seeds.isEmpty)
        var mutator = Mutator(seed: 1)
        for seed in seeds {
            #expect(throws: Never.self) { try target.check(seed) }
            for _ in 0..<max(1, 400 / seeds.count) {
                let input = mutator.mutated(seed, with: seeds.randomElement(using: &mutator) ?? [])
                #expect(throws: Never.self, "\(input)") { try target.check(input) }
            }
        }
    }
}
