import IMA
import Shards
import SystemPackage

/// Reading the kernel's list, and storing what is new in it.
extension MeasurementLog {
    /// What came of reading a kernel's file to its end.
    enum Absorbed {
        /// It agrees with what was stored before, and all is stored now.
        case end(RecordStream)
        /// It ends before the last record that was stored before.
        case shorter(end: UInt64)
        /// This record isn't the one that was stored.
        case differs(record: UInt64, offset: UInt64, isBootAggregate: Bool)
    }

    /// Reads what is new.
    func read() throws(AttesterError) {
        defer { kernel.rest() }
        if overflow != nil { (stream, overflow) = (nil, nil) }
        guard !kernel.isStaging else { return try holding { () throws(AttesterError) in try readStaging() } }
        if kernel.wasReplaced(read: stream?.readOffset ?? 0) || stream?.record ?? 0 > nextRecord { stream = nil }
        let begun =
            if let stream { stream } else {
                try holding { () throws(AttesterError) in try align(.measurements) }
            }
        if let begun { try readOn(begun) }
    }

    /// Reads the kernel's own list to its end.
    func readOn(_ begun: RecordStream) throws(AttesterError) {
        stream = nil
        switch try absorb(.measurements, begun) {
        case .end(let stream): if !kernel.mayShrink { self.stream = stream }
        case .shorter, .differs: break  // another process stored what this one read: the next time tells
        }
    }

    /// Reads a file to its end: compares what is stored already, stores the rest.
    ///
    /// - Parameter confirm: is given the records as the kernel has them, once they are stored.
    func absorb(
        _ file: KernelFile, _ begun: RecordStream, confirm: (StoredRecords) throws(AttesterError) -> Void = { _ in }
    ) throws(AttesterError) -> Absorbed {
        var stream = begun
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let stored = nextRecord
        while true {
            let count = try read(file, at: stream.readOffset, into: &buffer)
            stream.feed(buffer[..<count]) { layout, bytes, number in
                if number >= stored { check(layout, bytes, number) }
            }
            if count == 0 || stream.whole.end >= writer?.room ?? 0 {
                if let difference = try compare(stream) { return difference }
                if let stored = try store(&stream, file) { try confirm(stored) }
            }
            if count == 0 { break }
        }
        if let fault = stream.fault {
            throw AttesterError(.logMalformed, place: kernel.files.path(file).string, problem: "\(fault)")
        }
        return stream.record < stored ? .shorter(end: stream.record) : .end(stream)
    }

    func read(_ file: KernelFile, at offset: UInt64, into buffer: inout [UInt8]) throws(AttesterError) -> Int {
        // Array's own function doesn't tell the error's type.
        var result = Result<Int, AttesterError>.success(0)
        buffer.withUnsafeMutableBytes { buffer in
            result = Result { () throws(AttesterError) in try kernel.read(file, at: offset, into: buffer) }
        }
        return try result.get()
    }

    /// The first record of a stream that isn't what was stored; nil if all are, or none was.
    private func compare(_ stream: RecordStream) throws(AttesterError) -> Absorbed? {
        let end = min(stream.record + stream.whole.count, writer?.nextRecord ?? 0)
        guard stream.record < end, let format = stream.format else { return nil }
        let stored = try storedRecords(from: stream.record, to: end)
        guard !stream.bytes.starts(with: stored) else { return nil }
        let delimiter = LogDelimiter(format)
        var (number, offset) = (stream.record, 0)
        while case .record(let layout)? = try? delimiter.record(in: stream.bytes.span, at: offset, number: number) {
            let range = layout.range
            guard range.upperBound <= stored.count, stream.bytes[range] == stored[range] else {
                return .differs(
                    record: number, offset: stream.offset + UInt64(offset),
                    isBootAggregate: layout.isBootAggregate(in: stream.bytes.span))
            }
            (number, offset) = (number + 1, range.upperBound)
        }
        return .differs(record: number, offset: stream.offset + UInt64(offset), isBootAggregate: false)
    }

    /// The bytes of records that are stored, all of them.
    func storedRecords(from first: UInt64, to end: UInt64) throws(AttesterError) -> [UInt8] {
        var bytes: [UInt8] = []
        var next = first
        while next < end {
            let found = try shard(first: next, end: end, maximumBytes: .max)
            guard found.count > 0 else { break }
            if bytes.isEmpty { bytes = found.records } else { bytes += found.records }
            next += UInt64(found.count)
        }
        return bytes
    }

    /// Some of the kernel's records, with their numbers.
    struct StoredRecords {
        let bytes: [UInt8]
        let first: UInt64
        let count: UInt64
    }

    /// Stores the stream's whole records; those that have no room stay with the kernel.
    ///
    /// - Returns: the records, if all of them are stored.
    private func store(_ stream: inout RecordStream, _ file: KernelFile) throws(AttesterError) -> StoredRecords? {
        guard stream.whole.count > 0, let format = stream.format else { return nil }
        let (first, offset) = (stream.record, stream.offset)
        let records = stream.take()
        if overflow == nil {
            do {
                try locked { [position] writer, lock throws(ShardError) in
                    try writer.append(records, first: first, format: format, kernel: position, holding: lock)
                }
            } catch {
                try noteFull(error)
                overflow = Overflow(first: writer?.nextRecord ?? first)
            }
        }
        guard var overflow else {
            return StoredRecords(bytes: records, first: first, count: stream.record - first)
        }
        var reader = RecordReader(records.span, format: format, firstRecord: first)
        while let layout = try? reader.next() {
            guard reader.nextRecord > overflow.next else { continue }
            overflow.add(layout, in: file, at: offset + UInt64(layout.range.lowerBound))
        }
        self.overflow = overflow
        return nil
    }

    /// Holds a kernel to its own count of records before a kexec.
    private func check(_ layout: RecordLayout, _ bytes: Span<UInt8>, _ number: UInt64) {
        guard let counts = KexecCounts(layout, in: bytes) else { return }
        let held = number - min(position?.start ?? 0, number)
        if counts.counted > held { note(.lostAtKexec(record: number, counted: counts.counted, held: held)) }
    }
}

/// Serving what the kernel still has, and no shard.
extension MeasurementLog {
    func overflowRecords(
        _ overflow: Overflow, from first: UInt64, to end: UInt64, maximumBytes: Int
    ) throws(AttesterError) -> (records: [UInt8], count: UInt32) {
        defer { kernel.rest() }
        guard let mark = overflow.mark(before: first) else { return ([], 0) }
        let end = min(end, overflow.end(of: mark))
        var stream = RecordStream(record: mark.record, offset: mark.offset, format: format)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var range = 0..<0
        var found: UInt64 = 0
        var isDone = false
        while !isDone {
            let count = try read(mark.file, at: stream.readOffset, into: &buffer)
            stream.feed(buffer[..<count]) { layout, _, number in
                guard number >= first, !isDone else { return }
                let start = number == first ? layout.range.lowerBound : range.lowerBound
                let fits = layout.range.upperBound - start <= maximumBytes || number == first
                guard number < end, fits else {
                    isDone = true
                    return
                }
                range = start..<layout.range.upperBound
                found += 1
            }
            if count == 0 || stream.fault != nil { break }
        }
        return (Array(stream.bytes[range]), UInt32(clamping: found))
    }

    func overflowBytes(_ overflow: Overflow, from first: UInt64) throws(AttesterError) -> UInt64 {
        guard let mark = overflow.mark(before: first) else { return 0 }
        let before = try overflowRecords(overflow, from: mark.record, to: first, maximumBytes: .max)
        return overflow.bytes - mark.bytes - UInt64(before.records.count)
    }
}
