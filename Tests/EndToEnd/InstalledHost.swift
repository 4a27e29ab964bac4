import Foundation
import Glibc
import StandInKernel
import TestSupport

/// A host on which the agent is installed: its program, its configuration, the kernel's log and the shards are where they
/// are on a real one.
///
/// They are in a mount namespace that each command gets for itself, so that no other process sees them, and nothing is left
/// of them; what is written lies in the test's folder.
struct InstalledHost: Sendable {
    let workshop: Workshop
    private var root: URL { workshop.folder.appending(path: "host") }

    /// - Parameter measured: the log of the host, measured into its TPM.
    static func run(measured: [UInt8], _ body: (InstalledHost) async throws -> Void) async throws {
        try await Workshop.run { workshop in
            try await workshop.host.kernel.measure(measured)
            let host = InstalledHost(workshop: workshop)
            try host.install()
            try await body(host)
        }
    }

    var host: Host { workshop.host }

    /// Where a file lies that the host has under a path.
    func file(_ path: String) -> URL { root.appending(path: path) }

    /// Writes a file of the host.
    func write(_ text: String, to path: String) throws {
        try FileManager.default.createDirectory(
            at: file(path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file(path))
    }

    /// Another kernel is started by kexec, which the TPM doesn't see.
    func kexec() throws { try write(UUID().uuidString.lowercased() + "\n", to: "boot_id") }

    /// Runs a command as systemd would: a path and words between blanks.
    ///
    /// - Parameter isTunable: false lets it see securityfs read-only, as ProtectKernelTunables=yes does.
    func run(_ command: String, isTunable: Bool = true) async throws -> (exit: Int32?, output: String) {
        let namespaces = geteuid() == 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"]
        let words = command.split(separator: " ").map(String.init)
        let arguments = ["sh", "-c", Self.script, "sh", root.path, isTunable ? "rw" : "ro"]
        let program = try Program(path: "unshare", namespaces + arguments + words, in: workshop.folder)
        return (try await program.exitCode(), program.output)
    }

    /// The programs come last: mount(8) is one of those that they hide.
    private static let script = """
        set -e
        cd "$1"
        mount --bind boot_id /proc/sys/kernel/random/boot_id
        mount --bind sys/kernel/security /sys/kernel/security
        mount -o remount,bind,$2 /sys/kernel/security
        mount --bind var/lib /var/lib
        mount --bind etc /etc
        mount --bind usr/bin /usr/bin
        shift 2
        exec "$@"
        """

    private func install() throws {
        try kexec()
        try write("tpm: { tcti: \"\(host.tpm.tcti)\" }\n", to: "etc/assay/agent.yaml")
        try write("ima-shards:x:\(Self.group):\n", to: "etc/group")
        try FileManager.default.createDirectory(at: file("var/lib"), withIntermediateDirectories: true)
        try link(host.kernel.log.path, as: "sys/kernel/security/integrity/ima/binary_runtime_measurements")
        try link(Program.path(of: "assay-agent"), as: "usr/bin/assay-agent")
    }

    /// The number of the group `ima-shards`.
    static let group: UInt32 = 64312

    private func link(_ target: String, as path: String) throws {
        try FileManager.default.createDirectory(
            at: file(path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: file(path).path, withDestinationPath: target)
    }
}
