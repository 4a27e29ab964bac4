package import Files
package import Shards

/// What the agent noticed about this host's log, in its own words: what happened, and what the operator can do. The
/// verdict doesn't depend on it: whether records are missing shows in the replay.
package enum LogNotice: Hashable, Sendable, CustomStringConvertible {
    /// Something about the shards.
    case shards(ShardNotice)
    /// There is no room for more shards: no record is freed in the kernel.
    case full(ShardError)
    /// The log isn't the one that the shards are of, though the host has not booted.
    case anotherLog(path: String)
    /// A shard was damaged, and all are written anew: the kernel still holds every record.
    case writtenAnew(ShardError)
    /// A kexec carried the log over; the new kernel's records follow.
    case kexec(record: UInt64)
    /// A place in the log where records may be missing, seen by this process or an earlier one.
    case gap(LogGap)
    /// Another process keeps a measurement file open, whichever: the kernel frees nothing.
    case busy(path: String, holders: [FileHolder])
    /// Another process keeps a measurement file open for writing: nobody can read.
    case unread(AttesterError)
    /// Another process has kept the lock of who trims.
    case locked(path: String)
    /// Nothing is freed behind a kexec that seems not to have carried the log over, until shards and log together lead
    /// to the PCRs.
    case unproven(record: UInt64)
    /// A kexec is under way.
    case suspended
    /// The agent may not free the kernel's records.
    case forbidden(path: String)
    /// The agent sees the kernel's files read-only.
    case readOnly(path: String)
    /// The kernel said what it isn't known to say.
    case refused(path: String, problem: String)
    /// What was stored doesn't come back as the kernel has it.
    case notReadBack(path: String)

    package var description: String {
        switch self {
        case .shards(let notice): "\(notice)"
        case .full(let error): "\(error)"
        case .anotherLog(let path):
            "\(path) isn't the log that the shards are of: they are written anew. If no test replaced it, find out who did"
        case .writtenAnew(let error):
            "\(error.path): \(error.problem); all shards are written anew, for the kernel still holds every record"
        case .kexec(let record):
            "this host was started by kexec; its log was carried over, and the new kernel's records begin behind "
                + "record \(record)"
        case .gap(let gap): "\(gap)"
        case .busy(let path, let holders):
            "\(path): nothing is freed as long as another process has any measurement file open\(holders.words). "
                + "End it; \(FileHolder.search(beside: path)) shows which it is"
        case .unread(let error): "\(error). Until then what is stored is attested"
        case .locked(let path):
            "\(path): another process has held this lock for 5 s: it stores or frees records, and this one frees none "
                + "meanwhile. If it never ends, lslocks shows which it is"
        case .unproven(let record):
            "nothing is freed in the kernel: whether what is stored before record \(record) belongs to this boot isn't "
                + "proven until shards and log together lead to the TPM's PCRs. If that never comes, run assay-agent "
                + "shards clean --boot: it removes shards that the kernel's log doesn't need"
        case .suspended: "a kexec is under way: the next kernel shows the records again that were to be freed"
        case .forbidden(let path):
            "\(path) can't be written: freeing the kernel's records takes CAP_SYS_ADMIN. `assay-agent configure --trim "
                + "staged` grants it to the service; or set trim: off"
        case .readOnly(let path):
            "\(path) is read-only for this process, as in a unit with ProtectKernelTunables=yes: nothing is freed. "
                + "`assay-agent configure --trim staged` opens it to the service; or set trim: off"
        case .refused(let path, let problem): "\(path): the kernel frees nothing: \(problem)"
        case .notReadBack(let path):
            "\(path): what was stored doesn't read back as the kernel has it, so nothing is freed. Look after the disk, "
                + "and run assay-agent shards verify"
        }
    }

    /// The same notice as another one that was given, whoever holds the files this time, and however much has no room.
    var occasion: LogNotice {
        switch self {
        case .busy(let path, _): .busy(path: path, holders: [])
        case .unread(let error): .unread(AttesterError(error.code, place: error.place, problem: ""))
        case .full(let error): .full(ShardError(error.code, path: "", problem: ""))
        default: self
        }
    }
}

extension LogNotice {
    /// A kexec carried a part of the log over.
    static func partlyCarriedOver(record: UInt64) -> Self { .gap(LogGap(before: record, .partlyCarriedOver)) }

    /// A kexec did not carry the log over.
    static func notCarriedOver(record: UInt64) -> Self { .gap(LogGap(before: record, .notCarriedOver)) }

    /// A kernel counted more records before a kexec than the log has.
    static func lostAtKexec(record: UInt64, counted: UInt64, held: UInt64) -> Self {
        .gap(LogGap(before: record, .counted(counted, held: held)))
    }

    /// The kernel's log doesn't begin where this agent left it.
    static func trimmedByAnother(record: UInt64) -> Self { .gap(LogGap(before: record, .trimmedByAnother)) }
}
