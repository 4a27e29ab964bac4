import IMA
import Shards
import SystemPackage

/// Finding where a kernel's list stands among the records that are stored.
extension MeasurementLog {
    /// A stream that goes on behind the last stored record; nil if the list ends before it.
    ///
    /// After a restart one read at an offset tells: the last stored record must stand where the bookkeeping has it. If
    /// it doesn't, or the kernel is another one (kexec), the whole list is compared with the shards.
    /// - Parameter base: the record that the list begins with, if it isn't where the bookkeeping says.
    func align(_ file: KernelFile, _ base: UInt64?) throws(AttesterError) -> RecordStream? {
        let name = kernelName()
        guard let index = writer?.reader?.index, index.nextRecord > 0 else {
            position = KernelPosition(kernel: name, record: 0)
            return RecordStream(record: 0, offset: 0, format: nil)
        }
        var known = index.kernel
        if let base { known = known.map { KernelPosition(kernel: $0.kernel, record: base, start: $0.start) } }
        if let known, known.kernel == name {
            if base == nil { position = known }
            if known.record == index.nextRecord {
                return RecordStream(record: known.record, offset: known.offset, format: index.format)
            }
            if let stream = try resume(file, at: known, index) { return stream }
        }
        return try walk(file, from: known ?? KernelPosition(kernel: name, record: 0), index, isKnown: known != nil)
    }

    /// Looks for the last stored record where it should stand.
    private func resume(
        _ file: KernelFile, at known: KernelPosition, _ index: ShardIndex
    ) throws(AttesterError) -> RecordStream? {
        guard known.record < index.nextRecord else { return nil }
        let last = try storedRecords(from: index.nextRecord - 1, to: index.nextRecord)
        let skipped = index.bytes - (try byteCount(from: known.record))
        let end = known.offset + index.bytes - skipped
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var seen: [UInt8] = []
        while seen.count < last.count {
            let count = try read(file, at: end - UInt64(last.count - seen.count), into: &buffer)
            guard count > 0 else { return nil }
            seen += buffer[..<min(count, last.count - seen.count)]
        }
        return seen == last ? RecordStream(record: index.nextRecord, offset: end, format: index.format) : nil
    }

    /// Compares the whole list with what is stored, and draws the conclusions.
    private func walk(
        _ file: KernelFile, from known: KernelPosition, _ index: ShardIndex, isKnown: Bool
    ) throws(AttesterError) -> RecordStream? {
        let name = kernelName()
        let next = index.nextRecord
        let isKexec = isKnown && known.kernel != name
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
        case .differs(let record, let offset, true) where isKexec && record > base.record:
            note(.partlyCarriedOver(record: next))
            try settle(KernelPosition(kernel: name, record: next, offset: offset, start: base.record))
            return RecordStream(record: next, offset: offset, format: index.format)
        case .differs where isKexec, .shorter where isKexec:
            note(.notCarriedOver(record: next))
            try settle(KernelPosition(kernel: name, record: next))
            return RecordStream(record: next, offset: 0, format: index.format)
        case .differs where kernel.mayShrink: return try search(file, index)
        case .differs where try head(of: file, index).snapshot != nil: return try search(file, index)
        case .differs:
            note(.anotherLog(path: kernel.files.path(file).string))
            try startOver()
            return RecordStream(record: 0, offset: 0, format: nil)
        case .shorter: return nil
        }
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
    private func search(_ file: KernelFile, _ index: ShardIndex) throws(AttesterError) -> RecordStream {
        let name = kernelName()
        let next = index.nextRecord
        let (seen, count, snapshot) = try head(of: file, index)
        var first: UInt64 = 0
        while !seen.isEmpty, first < next {
            let part = try shard(first: first, end: next, maximumBytes: ShardWriter.targetBytes)
            var reader = RecordReader(part.records.span, format: index.format, firstRecord: first)
            while let layout = try? reader.next() {
                let number = reader.nextRecord - 1
                guard seen.starts(with: part.records[layout.range]) else { continue }
                let behind = try shard(first: number, end: min(next, number + count), maximumBytes: .max)
                guard seen.starts(with: behind.records) else { continue }
                try settle(KernelPosition(kernel: name, record: number, start: min(position?.start ?? 0, number)))
                return RecordStream(record: number, offset: 0, format: index.format)
            }
            guard part.count > 0 else { break }
            first += UInt64(part.count)
        }
        // A snapshot of the very values that the stored records lead to follows them.
        let goesOn = snapshot?.isBorneOut(by: index.entries.last?.lanes ?? []) ?? false
        if !goesOn, isPositionKnown { note(.trimmedByAnother(record: next)) }
        try settle(KernelPosition(kernel: name, record: next, start: min(position?.start ?? 0, next)))
        return RecordStream(record: next, offset: 0, format: index.format)
    }

    /// Remembers where the kernel's list stands.
    func settle(_ position: KernelPosition) throws(AttesterError) {
        self.position = position
        try locked { writer, lock throws(ShardError) in try writer.set(position, holding: lock) }
    }
}
