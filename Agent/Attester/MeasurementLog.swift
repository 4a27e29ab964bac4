import Bytes
import Glibc
package import IMA
package import SystemPackage
package import TPM

/// The host's measurement log, read from the kernel as it grows and served from any record on.
///
/// The file stays open: reading goes on where it stopped, and no byte is read from the kernel twice. A file that was
/// replaced or cut (another boot's log, in a test or a copy) is read anew from record 0. Neither the log nor an index of
/// all its records is held in memory.
package final class MeasurementLog {
    private let path: FilePath
    private var source: FileDescriptor?
    private var spool: LogSpool
    /// Bytes behind the last whole record.
    private var tail: [UInt8] = []
    private var delimiter: LogDelimiter?
    /// Offsets of records 0, `markInterval`, 2 `markInterval`…
    private var marks: [Int64] = []
    /// Where the last shard ended: the next usually begins there.
    private var lastCut: (record: UInt64, offset: Int64) = (0, 0)

    private static let markInterval: UInt64 = 1024

    /// One more than the last whole record read.
    package private(set) var nextRecord: UInt64 = 0
    /// The PCRs that records named.
    package private(set) var pcrs = PCRSet([10])

    /// What nothing in the log says; little endian and SHA-1 until the first record was read.
    package var format: LogFormat { delimiter?.format ?? LogFormat() }

    /// Opens nothing yet.
    ///
    /// - Parameters:
    ///   - path: a securityfs folder (`/sys/kernel/security/integrity/ima`) or a file in the log's binary form.
    ///   - stateFolder: where the agent may keep a nameless file as large as the log.
    package init(path: FilePath, stateFolder: FilePath) throws(AttesterError) {
        var status = stat()
        let isFolder = stat(path.string, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        self.path = isFolder ? path.appending("binary_runtime_measurements") : path
        spool = try LogSpool(in: stateFolder)
    }

    deinit {
        try? source?.close()
    }

    /// Reads what the kernel has logged since the last call, to its end.
    package func refresh() throws(AttesterError) {
        let source = try openSource()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count: Int
            do {
                count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
            } catch {
                throw AttesterError(.logUnreadable, place: path.string, problem: "\(error)")
            }
            guard count > 0 else { break }
            tail.append(contentsOf: buffer[..<count])
            try takeWholeRecords()
        }
        // What was no record is none the next time either.
        try takeWholeRecords()
    }

    /// Where the log stands, and how many bytes its records from `first` on have.
    package func extent(from first: UInt64) throws(AttesterError) -> AttesterSession.LogExtent {
        let bytes = first <= nextRecord ? UInt64(spool.count - (try offset(of: first))) : 0
        return AttesterSession.LogExtent(firstRecord: 0, nextRecord: nextRecord, bytes: bytes)
    }

    /// Whole records from `first` on, none at or behind `end`.
    ///
    /// - Parameter maximumBytes: no more than this, unless the first record alone is larger.
    package func shard(
        first: UInt64, end: UInt64, maximumBytes: Int
    ) throws(AttesterError) -> (records: [UInt8], count: UInt32) {
        guard let delimiter, first < min(end, nextRecord) else { return ([], 0) }
        let start = try offset(of: first)
        let wanted = Int(clamping: min(end, nextRecord) - first)
        var limit = max(1, maximumBytes)
        while true {
            var bytes = try spool.bytes(at: start, limit: limit)
            let found = try wholeRecords(
                delimiter, in: bytes, number: first, maximumBytes: maximumBytes,
                maximumRecords: min(wanted, Int(UInt32.max)))
            if found.count > 0 {
                bytes.removeSubrange(found.end...)
                lastCut = (first + UInt64(found.count), start + Int64(found.end))
                return (bytes, UInt32(found.count))
            }
            guard limit < delimiter.limits.recordBytes else { return ([], 0) }
            limit = delimiter.limits.recordBytes
        }
    }

    /// The open file; a new one, and nothing read, if the file at the path is no longer the one that was read.
    private func openSource() throws(AttesterError) -> FileDescriptor {
        if let source {
            guard isReplaced(source) else { return source }
            try? source.close()
            self.source = nil
            try startOver()
        }
        do {
            let opened = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            source = opened
            return opened
        } catch {
            throw AttesterError(.logUnreadable, place: path.string, problem: "\(error)")
        }
    }

    private func isReplaced(_ source: FileDescriptor) -> Bool {
        var held = stat()
        var named = stat()
        guard fstat(source.rawValue, &held) == 0, stat(path.string, &named) == 0 else { return true }
        let isSame = held.st_dev == named.st_dev && held.st_ino == named.st_ino
        // securityfs reports size 0 always; a regular file that is shorter than what was read was cut.
        let isCut = held.st_size > 0 && held.st_size < spool.count + Int64(tail.count)
        return !isSame || isCut
    }

    private func startOver() throws(AttesterError) {
        try spool.removeAll()
        tail = []
        delimiter = nil
        marks = []
        lastCut = (0, 0)
        nextRecord = 0
        pcrs = PCRSet([10])
    }

    private func takeWholeRecords() throws(AttesterError) {
        if delimiter == nil { delimiter = try detectFormat() }
        guard let delimiter else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &tail)
        var end = 0
        var fault: LogError?
        do throws(LogError) {
            while case .record(let layout) = try delimiter.record(in: bytes.span, at: end, number: nextRecord) {
                if nextRecord.isMultiple(of: Self.markInterval) { marks.append(spool.count + Int64(end)) }
                if layout.pcr < 24 { pcrs.formUnion(PCRSet([Int(layout.pcr)])) }
                end = layout.range.upperBound
                nextRecord += 1
            }
        } catch {
            fault = error
        }
        try spool.append(bytes.span.extracting(0..<end))
        bytes.removeSubrange(0..<end)
        tail = bytes
        if let fault { throw malformed(fault) }
    }

    /// The format, once the first record is whole; nil before.
    private func detectFormat() throws(AttesterError) -> LogDelimiter? {
        let bytes = tail
        do throws(LogError) {
            return LogDelimiter(try LogFormat.detect(bytes.span))
        } catch {
            guard tail.count < LogLimits.standard.recordBytes else {
                throw malformed(error)
            }
            return nil
        }
    }

    private func offset(of record: UInt64) throws(AttesterError) -> Int64 {
        if record == nextRecord { return spool.count }
        var (number, offset) = lastCut
        let mark = record / Self.markInterval
        if number > record || number < mark * Self.markInterval, mark < marks.count {
            (number, offset) = (mark * Self.markInterval, marks[Int(mark)])
        }
        guard let delimiter else { return 0 }
        while number < record {
            let bytes = try spool.bytes(at: offset, limit: delimiter.limits.recordBytes)
            let found = try wholeRecords(
                delimiter, in: bytes, number: number, maximumRecords: Int(clamping: record - number))
            guard found.count > 0 else { break }
            number += UInt64(found.count)
            offset += Int64(found.end)
        }
        return offset
    }

    private func wholeRecords(
        _ delimiter: LogDelimiter, in bytes: [UInt8], number: UInt64, maximumBytes: Int = .max, maximumRecords: Int
    ) throws(AttesterError) -> (count: Int, end: Int) {
        do throws(LogError) {
            return try delimiter.wholeRecords(
                in: bytes.span, number: number, maximumBytes: maximumBytes, maximumRecords: maximumRecords)
        } catch {
            throw malformed(error)
        }
    }

    private func malformed(_ error: LogError) -> AttesterError {
        AttesterError(.logMalformed, place: path.string, problem: "\(error)")
    }
}
