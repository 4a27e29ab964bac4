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

    /// Loses its power while the host is suspended: a TPM Restart. PCRs begin anew, and no reset is counted.
    package func restart() throws {
        // TPM2_Shutdown(TPM_SU_STATE), as a kernel says it before it sleeps.
        try command(0x0145, [], [0x00, 0x01])
        try reset()
    }

    /// A hierarchy's authorization; its password is empty in a new TPM.
    package enum Hierarchy: UInt32, Sendable {
        case owner = 0x4000_0001
        case lockout = 0x4000_000a
        case endorsement = 0x4000_000b
        case platform = 0x4000_000c
    }

    /// Gives a hierarchy a password, as `tpm2_changeauth` does.
    package func setPassword(_ password: String, of hierarchy: Hierarchy) throws {
        let bytes = Array(password.utf8)
        try command(0x0129, [hierarchy], [0, UInt8(bytes.count)] + bytes)
    }

    /// Switches a hierarchy off, as `tpm2_hierarchycontrol -C p` does; until the next reset.
    package func disable(_ hierarchy: Hierarchy) throws {
        try command(0x0121, [.platform], Self.bigEndian(hierarchy.rawValue) + [0])
    }

    /// Leaves an object in it, as a program does that uses the TPM beside ours: a storage key of the owner's.
    ///
    /// - Returns: the object's number.
    package func leaveStorageKey() throws -> UInt32 {
        let sensitive: [UInt8] = [0, 4, 0, 0, 0, 0]
        let area: [UInt8] = [
            0, 0x23, 0, 0x0b, 0, 0x03, 0x04, 0x72, 0, 0,  // ECC, SHA-256, attributes, no policy
            0, 0x06, 0, 0x80, 0, 0x43, 0, 0x10, 0, 0x03, 0, 0x10, 0, 0, 0, 0,  // AES-128-CFB, P-256
        ]
        let rest: [UInt8] = [0, 0, 0, 0, 0, 0]
        let answer = try command(0x0131, [.owner], sensitive + [0, UInt8(area.count)] + area + rest)
        return Self.number(answer.dropFirst(10))
    }

    /// The numbers of the keys that are loaded.
    package func loadedObjects() throws -> [UInt32] { try handles(from: 0x8000_0000) }

    /// The numbers of the sessions that are loaded.
    package func loadedSessions() throws -> [UInt32] { try handles(from: 0x0200_0000) }

    private func handles(from first: UInt32) throws -> [UInt32] {
        // TPM2_GetCapability(TPM_CAP_HANDLES): whether there are more, the capability, the count, the handles.
        let answer = try command(0x017a, [], [0, 0, 0, 1] + Self.bigEndian(first) + [0, 0, 0, 64])
        let list = Array(answer.dropFirst(19))
        return stride(from: 0, to: list.count - 3, by: 4).map { Self.number(list[$0...]) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Sends a command, authorized by the empty password of its handle if it has one.
    ///
    /// - Returns: the whole answer.
    @discardableResult
    private func command(_ code: UInt32, _ handles: [Hierarchy], _ parameters: [UInt8]) throws -> [UInt8] {
        let password: [UInt8] = [0, 0, 0, 9, 0x40, 0, 0, 0x09, 0, 0, 0, 0, 0]
        let body =
            Self.bigEndian(code) + handles.flatMap { Self.bigEndian($0.rawValue) } + (handles.isEmpty ? [] : password)
            + parameters
        let tag: [UInt8] = [0x80, handles.isEmpty ? 0x01 : 0x02]
        let answer = TCPPort.exchange(tag + Self.bigEndian(UInt32(body.count + 6)) + body, with: port)
        guard let answer, answer.count >= 10, answer[6..<10].allSatisfy({ $0 == 0 }) else {
            throw Failure(description: "command 0x\(String(code, radix: 16)): \(answer ?? [])")
        }
        return answer
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
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
