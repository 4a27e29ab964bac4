import Shards
import SystemPackage

/// Where the kernel can set its list aside and free it (Linux 7.2 and later, Documentation/security/IMA-export-delete.rst).
///
/// Stage, read, store, read back, delete. The index says where the staged list and the one behind it stand together, and
/// no request but `D` changes that: `deleting` is written down before one, and what came of it after. Nothing is staged as
/// long as `deleting` stands there. So whether a list is staged tells whether a `D` that nobody wrote the end of was carried
/// out, whoever was killed where; what the records are tells nothing, for a new list may begin with those stored last.
///
/// Any number of processes may read. Who stages, deletes or writes down where the list stands holds the lock on the
/// epoch's folder. All take the index's word only when they have the kernel's files open, when nobody can stage or delete.
/// Locks are taken in this order: the epoch's folder, the kernel's files, the folder of all epochs.
extension MeasurementLog {
    /// Reads what is new, and frees it if that is wanted and possible.
    func readStaging() throws(AttesterError) {
        var end = try storeStaged()
        if end == nil, mayTrim, overflow == nil, isSettled, stage() { end = try storeStaged() }
        if isHolding, settings.trims, let unprovenRecord { note(.unproven(record: unprovenRecord)) }
        if let end {
            try readBehind(end)
        } else if let position, let begun = try align(.measurements, at: position) {
            try readOn(begun)
        }
    }

    /// Whether records are to be freed, and the shards may then be all that there is of them. What comes to light while a
    /// list is read counts at once.
    private var mayTrim: Bool { isHolding && settings.trims && unprovenRecord == nil }

    /// Stores what is staged, and frees it if that is wanted and possible.
    ///
    /// - Returns: the number of the record behind it, if it is still staged.
    private func storeStaged() throws(AttesterError) -> UInt64? {
        guard let staged = try absorbStaged() else { return nil }
        guard mayTrim, overflow == nil else { return staged.record }
        return try free(before: staged.record, isConfirmed: staged.isConfirmed) ? nil : staged.record
    }

    /// What is staged is stored.
    private struct Staged {
        /// The number of the record behind it.
        let record: UInt64
        /// Whether every record of it was read back at its number.
        let isConfirmed: Bool
    }

    /// Opens the kernel's files, so that nobody stages or deletes until they are closed; then takes the index's word for
    /// where the list stands.
    ///
    /// - Returns: whether something is staged.
    private func open() throws(AttesterError) -> Bool {
        var byte: [UInt8] = [0]
        let isStaged = try read(.staged, at: 0, into: &byte) > 0
        try takeOver()
        guard nextRecord > 0, var known = writer?.reader?.index.kernel, known.kernel == kernelName() else {
            // The first time, or another kernel. A new one has nothing staged: what was in the old one comes first.
            _ = try align(isStaged ? .staged : .measurements)
            return isStaged
        }
        let deleting = known.deleting
        known.deleting = nil
        position = known
        if let deleting, !isStaged { try freed(before: deleting) }
        return isStaged
    }

    /// Stores what is staged; nil if nothing is.
    private func absorbStaged() throws(AttesterError) -> Staged? {
        guard try open() else { return nil }
        var isConfirmed = true
        func absorb() throws(AttesterError) -> Absorbed {
            isConfirmed = try isPrefixStored()
            let begun = RecordStream(
                record: position?.record ?? 0, offset: position?.offset ?? 0, format: writer?.reader?.index.format)
            return try self.absorb(.staged, begun) { records throws(AttesterError) in
                guard mayTrim, isConfirmed else { return }
                isConfirmed = try isStored(records)
            }
        }
        var found = try absorb()
        if case .differs = found, let index = writer?.reader?.index {
            _ = try search(.staged, index)
            found = try absorb()
        }
        if case .differs = found {
            try freed(before: nextRecord)
            found = try absorb()
        }
        switch found {
        case .end(let stream): return Staged(record: stream.record, isConfirmed: isConfirmed)
        case .shorter(let end): return Staged(record: end, isConfirmed: isConfirmed)
        case .differs(let record, _, _): return Staged(record: record, isConfirmed: false)
        }
    }

    /// Whether the disk gives records back as the kernel has them.
    private func isStored(_ records: StoredRecords) throws(AttesterError) -> Bool {
        try locked { writer, _ throws(ShardError) in
            try writer.holds(records.bytes, first: records.first, count: records.count)
        }
    }

    /// Whether what stands before the position's offset, behind a kexec that carried a part of the log over, is stored.
    private func isPrefixStored() throws(AttesterError) -> Bool {
        guard let position else { return true }
        var (record, offset) = (position.start, UInt64(0))
        while offset < position.offset {
            let part = try shard(first: record, end: nextRecord, maximumBytes: ShardWriter.targetBytes)
            let length = Int(min(UInt64(part.records.count), position.offset - offset))
            guard length > 0, try bytes(of: .staged, at: offset, count: length) == Array(part.records[..<length]) else {
                return false
            }
            record += UInt64(part.count)
            offset += UInt64(length)
        }
        return true
    }

    /// Whether the index says of this kernel, and of no request that may or may not have been carried out, where the list
    /// stands.
    private var isSettled: Bool {
        guard let index = writer?.reader?.index else { return true }
        return index.kernel?.kernel == kernelName() && index.kernel?.deleting == nil
    }

    /// Sets the list aside; false if nothing is staged then.
    private func stage() -> Bool {
        switch kernel.stage() {
        case .staged, .alreadyStaged: return true
        case .nothingNew: return false
        case .refused(let refusal):
            tell(refusal)
            return false
        }
    }

    /// Deletes what is staged, all of which is stored.
    ///
    /// - Returns: whether it is gone.
    private func free(before end: UInt64, isConfirmed: Bool) throws(AttesterError) -> Bool {
        guard isConfirmed else {
            note(.notReadBack(path: kernel.files.path(.staged).string))
            return false
        }
        guard let position else { return false }
        var deletion: KernelLog.Deletion?
        do {
            let refusal = try kernel.freeing { delete throws(AttesterError) in
                deletion = try free(position, before: end, delete)
            }
            if let refusal { deletion = .refused(refusal) }
        } catch {
            try noteFull(error)
            return false
        }
        switch deletion {
        case .deleted, .nothingStaged: return true
        case .refused(let refusal): tell(refusal)
        case nil: break
        }
        return false
    }

    /// Writes down what is about to be deleted, deletes it, and writes down what came of that. Nobody else writes or
    /// removes shards meanwhile; nil if somebody has removed some before.
    private func free(
        _ position: KernelPosition, before end: UInt64, _ delete: () -> KernelLog.Deletion
    ) throws(AttesterError) -> KernelLog.Deletion? {
        var leaving = position
        leaving.deleting = end
        let behind = KernelPosition(kernel: position.kernel, record: end, start: position.start)
        let deletion = try locked { writer, lock throws(ShardError) -> KernelLog.Deletion? in
            try writer.synchronize(holding: lock)
            guard let index = writer.reader?.index, index.nextRecord >= end, let known = index.kernel,
                known.kernel == position.kernel, known.record == position.record, known.offset == position.offset
            else { return nil }
            try writer.set(leaving, holding: lock)
            let deletion = delete()
            try writer.set(deletion.isDone ? behind : position, holding: lock)
            return deletion
        }
        if deletion?.isDone == true { self.position = behind }
        return deletion
    }

    /// Reads the list behind the staged one, which begins with a record.
    private func readBehind(_ record: UInt64) throws(AttesterError) {
        guard overflow == nil else {
            _ = try absorb(.measurements, RecordStream(record: record, offset: 0, format: format))
            return
        }
        let place = KernelPosition(kernel: kernelName(), record: record, start: min(position?.start ?? 0, record))
        if let begun = try align(.measurements, at: place, isBehindStaged: true) { try readOn(begun) }
    }

    /// The kernel's list begins with a record now.
    func freed(before record: UInt64) throws(AttesterError) {
        try settle(KernelPosition(kernel: kernelName(), record: record, start: min(position?.start ?? 0, record)))
    }

    private func tell(_ refusal: KernelLog.Refusal) {
        let path = kernel.files.path(.staged).string
        switch refusal {
        case .suspended: note(.suspended)
        case .busy: note(.busy(path: path, holders: kernel.files.holders))
        case .forbidden: note(.forbidden(path: path))
        case .readOnly: note(.readOnly(path: path))
        case .other(let error): note(.refused(path: path, problem: "\(error)"))
        }
    }
}
