import Foundation
import Glibc
import StandInKernel
import Testing

extension EndToEnd {
    @Suite("The folder of an installed host's shards") struct ShardsFolderTests {
        private func snapshot(_ host: InstalledHost, _ settings: String...) async throws {
            let options = settings.map { " --set \($0)" }.joined()
            let (exit, output) = try await host.run("/usr/bin/assay-agent shards snapshot" + options)
            #expect(exit == 0, "\(output)")
        }

        private func list(_ host: InstalledHost) async throws -> String {
            try await host.run("/usr/bin/assay-agent shards list --json").output
        }

        @Test("is where the real /etc/ima-shards.conf says, or the standard one") func configured() async throws {
            try await InstalledHost.run(measured: try KernelLogs.prefix(20)) { host in
                try await snapshot(host)
                #expect(try await list(host).contains(#""directory":"/var/lib/ima-shards""#))
                #expect(FileManager.default.fileExists(atPath: host.file("var/lib/ima-shards/").path))
                try host.write("# moved\nowner = another\ndirectory = /var/lib/elsewhere\n", to: "etc/ima-shards.conf")
                try await snapshot(host)
                let listed = try await list(host)
                #expect(listed.contains(#""directory":"/var/lib/elsewhere""#) && listed.contains(#""records":20"#))
                #expect(FileManager.default.fileExists(atPath: host.file("var/lib/elsewhere").path))
                // The agent's own setting is stronger.
                try await snapshot(host, "shards.directory=/var/lib/own")
                #expect(FileManager.default.fileExists(atPath: host.file("var/lib/own").path))
            }
        }

        @Test("isn't guessed where the real /etc/ima-shards.conf can't be used") func malformed() async throws {
            try await InstalledHost.run(measured: try KernelLogs.prefix(20)) { host in
                try host.write("directory = var/lib/elsewhere\n", to: "etc/ima-shards.conf")
                for command in ["snapshot", "list", "clean --boot"] {
                    let (exit, output) = try await host.run("/usr/bin/assay-agent shards \(command)")
                    #expect(exit == 2 && output.contains("/etc/ima-shards.conf line 1"), "\(output)")
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: host.file("var/lib").path) == [])
            }
        }

        @Test(
            "is given with all that is in it to the group that is configured later, and opened to all",
            .enabled(if: geteuid() == 0, "only root can give files to another group"))
        func regrouped() async throws {
            try await InstalledHost.run(measured: try KernelLogs.large.get()) { host in
                try await snapshot(host)
                let root = host.file("var/lib/ima-shards").path
                #expect(try state(root, in: host) == ["750 root", "640 root"])
                try await snapshot(host, "shards.group=ima-shards", "shards.readers=all")
                #expect(try state(root, in: host) == ["755 \(InstalledHost.group)", "644 \(InstalledHost.group)"])
                // Only the group: it is one that can read them, and others can't.
                try await snapshot(host, "shards.group=\(InstalledHost.group)")
                let cat = "cat \(root)/*/index >/dev/null"
                func canRead(_ group: UInt32) async throws -> Bool {
                    let arguments = ["--reuid=64313", "--regid=\(group)", "--clear-groups", "sh", "-c", cat]
                    return try await Program(path: "setpriv", arguments, in: host.workshop.folder).exitCode() == 0
                }
                #expect(try await canRead(InstalledHost.group))
                #expect(try await !canRead(64314))
            }
        }

        /// Modes and groups of all folders, then of all files, each once.
        private func state(_ root: String, in host: InstalledHost) throws -> [String] {
            var (folders, files): (Set<String>, Set<String>) = ([], [])
            let names = try FileManager.default.subpathsOfDirectory(atPath: root)
            #expect(names.count >= 3)
            for path in [root] + names.map({ root + "/" + $0 }) {
                var status = stat()
                #expect(lstat(path, &status) == 0)
                let group = status.st_gid == 0 ? "root" : "\(status.st_gid)"
                let text = String(status.st_mode & 0o7777, radix: 8) + " " + group
                if status.st_mode & S_IFMT == S_IFDIR { folders.insert(text) } else { files.insert(text) }
            }
            return folders.sorted() + files.sorted()
        }
    }
}
