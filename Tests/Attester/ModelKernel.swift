import Attester
import Files
import IMA
import Synchronization
import SystemPackage
import TestSupport

/// A kernel's measurement files as Linux 7.2 and later shows them, with the kernel's own refusals: lists of records, one
/// lock for all files, requests by write(2). `isStaging: false` is a kernel that has no such interface.
///
/// Source: Linux, Documentation/security/IMA-export-delete.rst, and what a 7.3 did (Tests/Fixtures/kernel/own73-staging).
final class ModelKernel: KernelFiles {
    private struct State {
        var isStaging: Bool
        var isSnapshotting = false
        var current: [[UInt8]] = []
        var staged: [[UInt8]] = []
        var isSuspended = false
        var isPrivileged = true
        var writingFails: Errno?
        var open: [Int32: (file: KernelFile, access: KernelAccess)] = [:]
        var nextDescriptor: Int32 = 1000
        var readers = 0
        var hasWriter = false
        var reads: [KernelFile: [UInt64]] = [:]
        var observe: @Sendable (Event) -> Void = { _ in }
    }

    /// Where a process may be killed: before a request comes to the kernel, or right behind it.
    enum Event: Hashable {
        case before(String)
        case behind(String)
    }

    private let state: Mutex<State>

    init(isStaging: Bool = true) {
        state = Mutex(State(isStaging: isStaging))
    }

    private init(_ state: State) {
        self.state = Mutex(state)
    }

    /// The same lists in another kernel, where nothing is open: what an agent finds after one that was killed.
    func copy() -> ModelKernel {
        var copied = State(isStaging: true)
        state.withLock { (copied.isStaging, copied.current, copied.staged) = ($0.isStaging, $0.current, $0.staged) }
        return ModelKernel(copied)
    }

    // What the host does.

    func measure(_ records: [UInt8]) throws {
        let cut = try Self.cut(records)
        state.withLock { $0.current += cut }
    }

    /// The next kernel, after a kexec: staged records stand before the others, and a new boot_aggregate behind them.
    func kexec(carrying: Int? = nil, aggregate: [UInt8]) throws {
        let cut = try Self.cut(aggregate)
        state.withLock { state in
            let all = state.staged + state.current
            state.current = Array(all.prefix(carrying ?? all.count)) + cut
            state.staged = []
            state.isSuspended = false
            (state.open, state.readers, state.hasWriter) = ([:], 0, false)
        }
    }

    /// The proposal of 2023: the kernel logs what its PCRs hold, and drops what came before. `log` is all that it has
    /// measured in this boot.
    func snapshot(_ log: inout LogBuilder) throws {
        let before = log.bytes.count
        log.snapshotAggregate()
        let marker = try Self.cut(Array(log.bytes[before...]))
        state.withLock { state in
            state.isSnapshotting = true
            state.current = marker
        }
    }

    func boot() { state.withLock { ($0.current, $0.staged, $0.open) = ([], [], [:]) } }
    func suspend() { state.withLock { $0.isSuspended = true } }
    func forbid() { state.withLock { $0.isPrivileged = false } }
    /// open(2) for writing fails, in no way that is the kernel's log's own.
    func failWriting(_ error: Errno?) { state.withLock { $0.writingFails = error } }
    /// `echo A`, `echo D`, `echo N` by another program.
    func request(_ file: KernelFile, _ text: String) -> Errno? {
        do throws(Errno) {
            let descriptor = try open(file, .writing)
            defer { close(descriptor) }
            try write(descriptor, text)
            return nil
        } catch {
            return error
        }
    }
    /// Another program that has a file open for as long as `body` runs.
    func holding(_ access: KernelAccess, _ body: () throws -> Void) throws {
        let descriptor = try open(.measurements, access)
        defer { close(descriptor) }
        try body()
    }
    /// Sees each request.
    func observe(_ body: @escaping @Sendable (Event) -> Void) { state.withLock { $0.observe = body } }

    var count: Int { state.withLock { $0.current.count } }
    var stagedCount: Int { state.withLock { $0.staged.count } }
    var openDescriptors: Int { state.withLock { $0.open.count } }
    /// Offsets of all reads that gave something.
    func reads(_ file: KernelFile) -> [UInt64] { state.withLock { $0.reads[file] ?? [] } }
    func forgetReads() { state.withLock { $0.reads = [:] } }

    static func cut(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var reader = RecordReader(bytes.span, format: LogFormat())
        var records: [[UInt8]] = []
        while let record = try reader.next() { records.append(Array(bytes[record.range])) }
        return records
    }

    // What a program sees.

    func path(_ file: KernelFile) -> FilePath {
        file == .staged ? "/model/binary_runtime_measurements_staged" : "/model/binary_runtime_measurements"
    }

    var holders: [FileHolder] { [] }

    var hasVendorTrimming: Bool { state.withLock { $0.isSnapshotting } }

    func exists(_ file: KernelFile) -> Bool { state.withLock { file == .measurements || $0.isStaging } }

    func open(_ file: KernelFile, _ access: KernelAccess) throws(Errno) -> Int32 {
        try state.withLock { state throws(Errno) in
            guard file == .measurements || state.isStaging else { throw .noSuchFileOrDirectory }
            switch access {
            case .reading:
                guard !state.hasWriter else { throw .resourceBusy }
                state.readers += 1
            case .writing:
                if let error = state.writingFails { throw error }
                guard state.isPrivileged else { throw .permissionDenied }
                guard !state.hasWriter, state.readers == 0 else { throw .resourceBusy }
                state.hasWriter = true
            }
            state.nextDescriptor += 1
            state.open[state.nextDescriptor] = (file, access)
            return state.nextDescriptor
        }
    }

    func read(
        _ descriptor: Int32, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        let bytes = try state.withLock { state throws(Errno) in
            guard let (file, access) = state.open[descriptor], access == .reading else { throw .badFileDescriptor }
            let list = file == .staged ? state.staged : state.current
            // Whole records up to a page, or a part of one that is longer (seq_file).
            var start: UInt64 = 0
            var page: [UInt8] = []
            for record in list {
                defer { start += UInt64(record.count) }
                guard start + UInt64(record.count) > offset else { continue }
                guard page.isEmpty || page.count + record.count <= 4096 else { break }
                page += start < offset ? Array(record[Int(offset - start)...]) : record
            }
            if !page.isEmpty { state.reads[file, default: []].append(offset) }
            return page
        }
        let count = min(bytes.count, buffer.count)
        buffer.copyBytes(from: bytes[..<count])
        return count
    }

    func write(_ descriptor: Int32, _ text: String) throws(Errno) {
        state.withLock { $0.observe }(.before(text))
        try state.withLock { state throws(Errno) in
            guard let (file, access) = state.open[descriptor], access == .writing else { throw .badFileDescriptor }
            guard text.utf8.count <= 21, text.hasSuffix("\n") else { throw .invalidArgument }
            switch (file, text.dropLast()) {
            case (.staged, "A"): try Self.stage(&state)
            case (.staged, "D"): try Self.delete(&state)
            case (.measurements, let number): try Self.delete(String(number), &state)
            default: throw .invalidArgument
            }
        }
        state.withLock { $0.observe }(.behind(text))
    }

    func close(_ descriptor: Int32) {
        state.withLock { state in
            guard let (_, access) = state.open.removeValue(forKey: descriptor) else { return }
            if access == .reading { state.readers -= 1 } else { state.hasWriter = false }
        }
    }

    func isReplaced(_ descriptor: Int32, _ file: KernelFile, read length: UInt64) -> Bool { false }

    private static func stage(_ state: inout State) throws(Errno) {
        guard !state.isSuspended else { throw .permissionDenied }
        guard state.staged.isEmpty else { throw .fileExists }
        guard !state.current.isEmpty else { throw .noSuchFileOrDirectory }
        swap(&state.staged, &state.current)
    }

    private static func delete(_ state: inout State) throws(Errno) {
        guard !state.isSuspended else { throw .staleNFSFileHandle }
        guard !state.staged.isEmpty else { throw .noSuchFileOrDirectory }
        state.staged = []
    }

    private static func delete(_ number: String, _ state: inout State) throws(Errno) {
        guard let count = Int(number), count > 0 else { throw .invalidArgument }
        guard !state.isSuspended else { throw .staleNFSFileHandle }
        guard count <= state.current.count else { throw .noSuchFileOrDirectory }
        state.current.removeFirst(count)
    }
}
