import Files
import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Attester

@Suite("Who has a measurement file open") struct FileHolderTests {
    @Test("is told by /proc, whichever of the files it is; other files and this process don't count")
    func holders() throws {
        try LogWorkshop.run { workshop in
            for name in ["binary_runtime_measurements", "ascii_runtime_measurements_sha256_staged", "policy"] {
                try Data().write(to: workshop.folder.appending(path: name))
            }
            let files = HostFiles(path: FilePath(workshop.folder.path))
            let own = try FileDescriptor.open(workshop.log.path, .readOnly)
            defer { try? own.close() }
            #expect(files.holders == [])
            let folder = workshop.folder.path
            let reader = try ChildProcess(
                "sh", ["-c", "exec sleep 60 <'\(folder)/ascii_runtime_measurements_sha256_staged'"])
            let other = try ChildProcess("sh", ["-c", "exec sleep 60 <'\(folder)/policy'"])
            var found: [FileHolder] = []
            for _ in 0..<500 where found.first?.program != "sleep" {
                usleep(10_000)
                found = files.holders
            }
            #expect(found == [FileHolder(process: reader.id, program: "sleep")])
            #expect(found.words == ": sleep (process \(reader.id))")
            let notice = LogNotice.busy(path: files.path(.staged).string, holders: found)
            #expect("\(notice)".contains("sleep (process \(reader.id))"))
            #expect("\(notice)".contains("fuser -v \(folder)/*_measurements_*"))
            _ = other.id
        }
    }
}
