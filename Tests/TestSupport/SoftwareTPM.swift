internal import Foundation
internal import Glibc
internal import Synchronization

/// A real TPM 2.0 in a process of its own (swtpm), with a folder for its memory; both are gone after ``stop()``.
package final class SoftwareTPM: Sendable {
    /// Why no TPM came up.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// The port of the TPM's commands on 127.0.0.1; the next one is its control channel.
    package let port: UInt16
    private let folder: URL
    private let process: Mutex<ChildProcess>

    /// How tpm2-tss reaches it.
    package var tcti: String { "swtpm:host=127.0.0.1,port=\(port)" }

    /// Starts a new TPM, on ports that are free.
    ///
    /// Nobody can hold two free ports for it until it has opened them, so it is tried again when another program was
    /// faster.
    package init() throws {
        folder = try Self.makeFolder()
        do {
            let running = try Self.startOnFreePorts(folder)
            port = running.port
            process = Mutex(running.process)
        } catch {
            try FileManager.default.removeItem(at: folder)
            throw error
        }
    }

    deinit { stop() }

    /// Switches it off and on without a word, as a power cut does; keys, and the count of resets, stay.
    package func reset() throws {
        try process.withLock { process in
            process.end()
            guard let running = try Self.start(folder, port: port) else {
                throw Failure(description: "swtpm did not start again on port \(port)")
            }
            process = running.process
        }
    }

    /// Ends the process and removes its memory.
    package func stop() {
        process.withLock { $0.end() }
        try? FileManager.default.removeItem(at: folder)
    }

    private static func startOnFreePorts(_ folder: URL) throws -> Running {
        for _ in 0..<20 {
            guard let port = freePort() else { continue }
            if let running = try start(folder, port: port) { return running }
        }
        throw Failure(description: "swtpm does not start")
    }

    private struct Running: ~Copyable {
        let process: ChildProcess
        let port: UInt16
    }

    /// Starts the process; nil if it ended before it was ready, as for a port that isn't free.
    private static func start(_ folder: URL, port: UInt16) throws -> Running? {
        let ready = folder.appending(path: "pid")
        try? FileManager.default.removeItem(at: ready)
        var process = try ChildProcess(
            "swtpm",
            [
                "socket", "--tpm2", "--tpmstate", "dir=\(folder.path)", "--server", "type=tcp,port=\(port)",
                "--ctrl", "type=tcp,port=\(port + 1)", "--flags", "not-need-init,startup-clear",
                "--pid", "file=\(ready.path)",
            ])
        // It writes its process id when both ports are open.
        for _ in 0..<1000 {
            if let text = try? Data(contentsOf: ready), !text.isEmpty { return Running(process: process, port: port) }
            guard process.isRunning else { return nil }
            usleep(10_000)
        }
        throw Failure(description: "swtpm is not ready after 10 s")
    }

    /// A port that was free with its successor a moment ago.
    ///
    /// It lies below those that Linux gives to clients by itself: each command to a TPM is a connection, and leaves its
    /// client's port unusable for a minute.
    private static func freePort() -> UInt16? {
        let port = UInt16.random(in: 10_000..<32_000)
        return TCPPort.isFree(Int(port)) && TCPPort.isFree(Int(port) + 1) ? port : nil
    }

    private static func makeFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-swtpm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        return folder
    }
}
