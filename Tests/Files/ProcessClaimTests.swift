import Foundation
import Glibc
import TestSupport
import Testing

@testable import Files

@Suite("A claim of one process") struct ProcessClaimTests {
    private func withFile(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-claim-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.appending(path: "x.lock").path)
    }

    @Test("keeps another one away, which learns who has it, until it is released") func exclusive() throws {
        try withFile { file in
            #expect(ProcessClaim.holder(of: file) == nil)
            var first: ProcessClaim? = try ProcessClaim(file)
            #expect(ProcessClaim.holder(of: file) == getpid())
            #expect(throws: ProcessClaim.Refusal.held(by: getpid())) { try ProcessClaim(file) }
            withExtendedLifetime(first) {}
            first = nil
            #expect(ProcessClaim.holder(of: file) == nil)
            _ = try ProcessClaim(file)
        }
    }

    @Test("of a process that died is nobody's") func died() throws {
        try withFile { file in
            var holder = try ChildProcess("flock", ["-F", file, "sleep", "3600"])
            let end = ContinuousClock.now + .seconds(60)
            while ProcessClaim.holder(of: file) == nil, ContinuousClock.now < end { usleep(10_000) }
            #expect(throws: ProcessClaim.Refusal.held(by: nil)) { try ProcessClaim(file) }
            #expect(ProcessClaim.holder(of: file) == 0)
            holder.end(SIGKILL)
            _ = try ProcessClaim(file)
        }
    }

    @Test("can't be made where there is no folder, or through a link") func refused() throws {
        try withFile { file in
            for path in [file + "/x", file + "-link"] {
                if path.hasSuffix("-link") { symlink("/dev/null", path) }
                let error = #expect(throws: ProcessClaim.Refusal.self) { try ProcessClaim(path) }
                guard case .file? = error else {
                    Issue.record("\(error as Any)")
                    continue
                }
            }
        }
    }
}
