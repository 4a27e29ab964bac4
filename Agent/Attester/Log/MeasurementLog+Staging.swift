import Shards
import SystemPackage

/// Where the kernel can set its list aside and free it (Linux 7.2 and later, Documentation/security/IMA-export-delete.rst).
///
/// Stage, read, store, delete; what is to be deleted is written down before, so that an agent that was killed anywhere
/// knows afterwards what the kernel still has. Whoever stages or deletes holds a lock on the epoch's folder meanwhile:
/// a list that another process has staged is never deleted unread.
extension MeasurementLog {
    /// Reads what is new, and frees it if that is wanted.
    func readStaging() throws(AttesterError) {
        let lock = settings.trims ? try lockTrimming() : nil
        let mayTrim = lock != nil
        try establish()
        var behind: UInt64? = try finishStaged(mayTrim)
        if behind == nil, mayTrim, overflow == nil {
            switch try kernel.stage() {
            case .staged, .alreadyStaged: behind = try finishStaged(mayTrim)
            case .nothingNew: return
            case .suspended: note(.suspended)
            case .busy: note(.busy(path: kernel.files.path(.staged).string))
            case .forbidden: note(.forbidden(path: kernel.files.path(.staged).string))
            }
        }
        if let overflow {
            _ = try absorb(.measurements, RecordStream(record: overflow.next, offset: 0, format: format))
        } else {
            try readOn(from: behind)
        }
    }

    /// Stores what is staged and, if that is wanted, deletes it.
    ///
    /// - Returns: the number of the first record behind the staged ones, if they are still there.
    private func finishStaged(_ mayTrim: Bool) throws(AttesterError) -> UInt64? {
        guard let end = try absorbStaged() else {
            if let deleting = position?.deleting { try freed(before: deleting) }
            return nil
        }
        guard mayTrim, overflow == nil, var leaving = position else { return end }
        leaving.deleting = end
        try settle(leaving)
        switch try kernel.deleteStaged() {
        case .deleted, .nothingStaged:
            try freed(before: end)
            return nil
        case .suspended: note(.suspended)
        case .busy: note(.busy(path: kernel.files.path(.staged).string))
        case .forbidden: note(.forbidden(path: kernel.files.path(.staged).string))
        }
        return end
    }

    /// Stores what is staged; returns the number of the record behind it, or nil if nothing is.
    private func absorbStaged() throws(AttesterError) -> UInt64? {
        var byte: [UInt8] = [0]
        guard try read(.staged, at: 0, into: &byte) > 0 else { return nil }
        var first = position?.record ?? 0
        while true {
            let begun = RecordStream(record: first, offset: 0, format: writer?.reader?.index.format)
            switch try absorb(.staged, begun) {
            case .end(let stream): return stream.record
            case .shorter(let end): return end
            case .differs:
                // Those that were to be deleted are gone, and this is another list; else somebody else trims.
                let next = position?.deleting ?? nextRecord
                guard first < next else { return nextRecord }
                if isPositionKnown, position?.deleting == nil { note(.trimmedByAnother(record: nextRecord)) }
                try freed(before: next)
                first = next
            }
        }
    }

    /// Whether it was written down where the kernel's list stands: not behind an index that was lost, when this agent
    /// itself may have freed what is missing.
    var isPositionKnown: Bool { writer?.reader?.index.kernel != nil }

    /// The kernel's list begins with a record now.
    private func freed(before record: UInt64) throws(AttesterError) {
        try settle(KernelPosition(kernel: kernelName(), record: record, start: position?.start ?? 0))
    }

    /// Knows where the kernel's list stands, if this is the first time or another kernel.
    private func establish() throws(AttesterError) {
        let name = kernelName()
        if position == nil { position = writer?.reader?.index.kernel }
        guard position?.kernel != name else { return }
        guard nextRecord > 0 else {
            position = KernelPosition(kernel: name, record: 0)
            return
        }
        // A new kernel has nothing staged: what was staged in the old one stands first in its list.
        var byte: [UInt8] = [0]
        let isStaged = try read(.staged, at: 0, into: &byte) > 0
        let file = isStaged ? KernelFile.staged : .measurements
        guard let begun = try align(file, nil) else { return }
        _ = try absorb(file, begun)
    }

    /// The lock of whoever trims; nil if another process does.
    private func lockTrimming() throws(AttesterError) -> ShardLock? {
        do throws(ShardError) {
            return try writer?.lockTrimming()
        } catch {
            guard error.code == .locked else { throw AttesterError(error) }
            note(.busy(path: error.path))
            return nil
        }
    }
}
