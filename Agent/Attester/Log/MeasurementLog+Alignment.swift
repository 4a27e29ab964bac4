import IMA
import Shards
import SystemPackage

/// Finding where a kernel's list stands among the records that are stored.
///
/// The index says it. What the records are only tells whether that can be right, and has the word alone where there is no
/// other: behind a kexec, behind an index that was lost, and when another program frees records.
extension MeasurementLog {
    /// A stream that goes on behind the last stored record; nil if the list ends before it.
    func align(_ file: KernelFile) throws(AttesterError) -> RecordStream? {
        let name = kernelName()
        guard let index = writer?.reader?.index, index.nextRecord > 0 else {
            try settle(KernelPosition(kernel: name, record: 0))
            return RecordStream(record: 0, offset: 0, format: nil)
        }
        guard let known = index.kernel, known.kernel == name else { return try identify(file, index) }
        position = known
        return try align(file, at: known)
    }

    /// A stream that goes on behind the last stored record, in a list that stands at a known place; nil if the list ends
    /// before that record.
    ///
    /// One read at an offset tells whether the place is right: the last stored record must stand where it puts it. If it
    /// doesn't, the whole list is compared with the shards.
    /// - Parameter isBehindStaged: the place isn't where all of the kernel's records begin, but where the unstaged ones do.
    func align(
        _ file: KernelFile, at known: KernelPosition, isBehindStaged: Bool = false
    ) throws(AttesterError) -> RecordStream? {
        guard let index = writer?.reader?.index, known.record != index.nextRecord else {
            return RecordStream(record: known.record, offset: known.offset, format: writer?.reader?.index.format)
        }
        if let stream = try resume(file, at: known, index) { return stream }
        let begun = RecordStream(record: known.record, offset: known.offset, format: index.format)
        switch try absorb(file, begun) {
        case .end(let stream): return stream
        case .shorter where !kernel.mayShrink: return nil
        case .shorter, .differs: return try replace(file, index, isKnown: true, isBehindStaged: isBehindStaged)
        }
    }

    /// Looks for the last stored record where it should stand.
    private func resume(
        _ file: KernelFile, at known: KernelPosition, _ index: ShardIndex
    ) throws(AttesterError) -> RecordStream? {
        guard known.record < index.nextRecord else { return nil }
        let last = try storedRecords(from: index.nextRecord - 1, to: index.nextRecord)
        let skipped = index.bytes - (try byteCount(from: known.record))
        let end = known.offset + index.bytes - skipped
        guard try bytes(of: file, at: end - UInt64(last.count), count: last.count) == last else { return nil }
        return RecordStream(record: index.nextRecord, offset: end, format: index.format)
    }

    /// So many bytes of a file; fewer at its end.
    func bytes(of file: KernelFile, at offset: UInt64, count: Int) throws(AttesterError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var seen: [UInt8] = []
        while seen.count < count {
            let length = try read(file, at: offset + UInt64(seen.count), into: &buffer)
            guard length > 0 else { break }
            seen += buffer[..<min(length, count - seen.count)]
        }
        return seen
    }

    /// Finds out where a list stands of which the index says nothing: another kernel's, or any if the index was lost. The
    /// whole list is compared with what is stored.
    private func identify(_ file: KernelFile, _ index: ShardIndex) throws(AttesterError) -> RecordStream? {
        let name = kernelName()
        let next = index.nextRecord
        let isKexec = index.kernel != nil
        let known = index.kernel ?? KernelPosition(kernel: name, record: 0)
        if isKexec, try beginsAnew(file, behind: known.offset) {
            note(.notCarriedOver(record: next))
            try settle(KernelPosition(kernel: name, record: next))
            return RecordStream(record: next, offset: 0, format: index.format)
        }
        var base = known
        (base.kernel, base.deleting) = (name, nil)
        position = base
        var found = try absorb(file, RecordStream(record: base.record, offset: base.offset, format: index.format))
        if case .differs = found, let deleting = known.deleting {
            // The kernel was told to free them, and did.
            base = KernelPosition(kernel: name, record: deleting, start: known.start)
            position = base
            found = try absorb(file, RecordStream(record: deleting, offset: 0, format: index.format))
        }
        switch found {
        case .end(let stream):
            try settle(isKexec ? KernelPosition(kernel: name, record: base.record, offset: base.offset) : base)
            if isKexec { note(.kexec(record: next)) }
            return stream
        case .shorter where file == .staged:
            try settle(base)
            return nil
        case .differs(let record, let offset, true) where isKexec && record > base.record:
            note(.partlyCarriedOver(record: next))
            try settle(KernelPosition(kernel: name, record: next, offset: offset, start: base.record))
            return RecordStream(record: next, offset: offset, format: index.format)
        case .differs where isKexec, .shorter where isKexec:
            note(.notCarriedOver(record: next))
            try settle(KernelPosition(kernel: name, record: next))
            return RecordStream(record: next, offset: 0, format: index.format)
        case .shorter where !kernel.mayShrink: return nil
        case .shorter, .differs: return try replace(file, index, isKnown: false)
        }
    }

    /// What to do with a list that isn't where it was.
    private func replace(
        _ file: KernelFile, _ index: ShardIndex, isKnown: Bool, isBehindStaged: Bool = false
    ) throws(AttesterError) -> RecordStream {
        let hasSnapshot = try head(of: file, index).snapshot != nil
        if kernel.mayShrink || hasSnapshot {
            return try search(file, index, isKnown: isKnown, isBehindStaged: isBehindStaged)
        }
        note(.anotherLog(path: kernel.files.path(file).string))
        try startOver()
        return RecordStream(record: 0, offset: 0, format: nil)
    }

    /// Whether a kernel's list has nothing of the kernel before it: its own boot_aggregate, the last one, stands first.
    private func beginsAnew(_ file: KernelFile, behind offset: UInt64) throws(AttesterError) -> Bool {
        var stream = RecordStream(record: 0, offset: 0, format: nil)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var last: UInt64?
        while stream.fault == nil {
            let count = try read(file, at: stream.readOffset, into: &buffer)
            guard count > 0 else { break }
            let start = stream.offset
            stream.feed(buffer[..<count]) { layout, bytes, _ in
                if layout.isBootAggregate(in: bytes) { last = start + UInt64(layout.range.lowerBound) }
            }
            _ = stream.take()
        }
        return last.map { $0 <= offset } ?? false
    }

    /// The whole records that one reading of the list gives, and the snapshot that they begin with, if they do.
    private func head(
        of file: KernelFile, _ index: ShardIndex
    ) throws(AttesterError) -> (records: [UInt8], count: UInt64, snapshot: SnapshotAggregate?) {
        var head = RecordStream(record: 0, offset: 0, format: index.format)
        var snapshot: SnapshotAggregate?
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while head.whole.count == 0, head.fault == nil {
            let count = try read(file, at: head.readOffset, into: &buffer)
            guard count > 0 else { break }
            head.feed(buffer[..<count]) { layout, bytes, number in
                if number == 0 { snapshot = SnapshotAggregate(layout, in: bytes) }
            }
        }
        let records = head.take()
        return (records, head.record, snapshot)
    }

    /// Looks for the beginning of the list among all records that are stored: another program has freed some.
    ///
    /// - Parameters:
    ///   - isKnown: whether the index said where the list stands.
    ///   - isBehindStaged: staged records stand before the list.
    func search(
        _ file: KernelFile, _ index: ShardIndex, isKnown: Bool = true, isBehindStaged: Bool = false
    ) throws(AttesterError) -> RecordStream {
        let next = index.nextRecord
        let (seen, count, snapshot) = try head(of: file, index)
        let found = try place(of: seen, count: count, in: index)
        // A snapshot of the very values that the stored records lead to follows them.
        let goesOn = snapshot?.isBorneOut(by: index.entries.last?.lanes ?? []) ?? false
        if found == nil, !goesOn, isKnown { note(.trimmedByAnother(record: next)) }
        if !isBehindStaged { try freed(before: found ?? next) }
        return RecordStream(record: found ?? next, offset: 0, format: index.format)
    }

    /// The number of the stored record that a list begins with.
    ///
    /// - Parameters:
    ///   - seen: so many whole records at the beginning of the list.
    /// - Returns: nil if it begins with none, or with nothing but violations, which say nothing: those of one file are the
    ///   same bytes each time.
    private func place(of seen: [UInt8], count: UInt64, in index: ShardIndex) throws(AttesterError) -> UInt64? {
        let next = index.nextRecord
        var first: UInt64 = 0
        while !seen.isEmpty, first < next {
            let part = try shard(first: first, end: next, maximumBytes: ShardWriter.targetBytes)
            var reader = RecordReader(part.records.span, format: index.format, firstRecord: first)
            while let layout = try? reader.next() {
                let number = reader.nextRecord - 1
                guard seen.starts(with: part.records[layout.range]) else { continue }
                let behind = try shard(first: number, end: min(next, number + count), maximumBytes: .max).records
                guard seen.starts(with: behind), isTelling(behind, index.format) else { continue }
                return number
            }
            guard part.count > 0 else { break }
            first += UInt64(part.count)
        }
        return nil
    }

    /// Whether some record isn't a violation.
    private func isTelling(_ records: [UInt8], _ format: LogFormat) -> Bool {
        var reader = RecordReader(records.span, format: format)
        while let layout = try? reader.next() {
            if !layout.isViolation { return true }
        }
        return false
    }

    /// Remembers where the kernel's list stands; writes it down if this process may.
    func settle(_ position: KernelPosition) throws(AttesterError) {
        self.position = position
        guard isHolding else { return }
        do {
            try locked { writer, lock throws(ShardError) in try writer.set(position, holding: lock) }
        } catch {
            try noteFull(error)
        }
    }
}
