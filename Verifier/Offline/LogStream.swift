import Appraisal
import AssayCrypto
import Bytes
import IMA

/// The shards of a log, one after the other, in whatever form they are, in pieces of 1 MiB, so that memory doesn't grow
/// with the log.
///
/// Binary shards are one stream: a record may go on in the next. Between records a shard may be of the other form.
struct LogStream {
    /// A shard's form, at a boundary of records.
    private enum Form {
        case empty
        case text(TextShard)
        case binary
    }

    private static let pieceBytes = 1 << 20
    /// All that is held of a binary log, however long it is.
    static let bufferBytes = 2 * pieceBytes + LogLimits.standard.recordBytes

    private let limits = LogLimits.standard
    private var threads: SignatureThreads
    private var shards: ArraySlice<InputFile>
    /// The form of the first of `shards`, once that is known.
    private var opened: Form?
    private var buffer: [UInt8]
    private var unread = 0..<0
    /// Byte order and column of the first shard, and so of all.
    private(set) var format = LogFormat()
    /// Why the first shard is no log.
    private var failure: LogError?

    /// Opens every shard, so that one that can't be read is told before anything is judged, and looks at the first.
    init(_ paths: [String], threads: SignatureThreads = SignatureThreads(count: 1)) throws(OfflineError) {
        self.threads = threads
        shards = []
        for path in paths { shards.append(try InputFile(path)) }
        // One piece, and in front of it what is left of the one before: less than a record and its header.
        buffer = shards.isEmpty ? [] : [UInt8](repeating: 0, count: Self.bufferBytes)
        try detect()
    }

    /// Has all of the log appraised; once.
    ///
    /// - Returns: how many bytes at its end are less than a record.
    mutating func feed(_ appraiser: inout Appraiser) throws(OfflineError) -> Int {
        if let failure { appraiser.end(unreadable: failure) }
        while let shard = shards.popFirst(), !appraiser.isEnded {
            let form = if let opened { opened } else { unread.isEmpty ? try open(shard) : .binary }
            opened = nil
            switch form {
            case .empty: continue
            case .text(let text): try feed(text, to: &appraiser)
            case .binary: try feed(shard, to: &appraiser)
            }
        }
        threads.settleAll(&appraiser)
        return unread.count
    }

    /// Has the buffer's whole records appraised.
    private mutating func appraiseBuffer(_ appraiser: inout Appraiser) {
        repeat {
            if appraiser.isWaiting { threads.settle(&appraiser) }
            let read = appraiser.advance(buffer.span.extracting(unread))
            unread = unread.lowerBound + read..<unread.upperBound
        } while appraiser.isWaiting
    }

    private mutating func feed(_ shard: InputFile, to appraiser: inout Appraiser) throws(OfflineError) {
        var isAtEnd = false
        while !isAtEnd, !appraiser.isEnded {
            appraiseBuffer(&appraiser)
            isAtEnd = try !fill(from: shard)
        }
    }

    private mutating func feed(_ shard: TextShard, to appraiser: inout Appraiser) throws(OfflineError) {
        var shard = shard
        var otherColumn: LogError?
        let error = try shard.forEach(firstRecord: appraiser.nextRecord) { record, column in
            guard LogFormat(column: column ?? .sha1) == format else {
                otherColumn = LogError(.line(.column), record: appraiser.nextRecord, offset: 0)
                return false
            }
            _ = appraiser.advance(record.span)
            while appraiser.isWaiting { threads.settle(&appraiser) }
            return !appraiser.isEnded
        }
        if let error = error ?? otherColumn { appraiser.end(unreadable: error) }
    }
}

// MARK: - Reading

extension LogStream {
    /// Finds the format of the first shard that holds anything.
    private mutating func detect() throws(OfflineError) {
        while let shard = shards.first {
            let form = try open(shard)
            opened = form
            switch form {
            case .empty: shards.removeFirst()
            case .text(let text):
                format = LogFormat(column: text.column ?? .sha1)
                return
            case .binary: return try detectBinary(shard)
            }
        }
        opened = nil
    }

    /// The format shows by a whole record; one that is cut off can't be told from another kind of file.
    private mutating func detectBinary(_ shard: InputFile) throws(OfflineError) {
        while true {
            do throws(LogError) {
                format = try LogFormat.detect(buffer.span.extracting(unread), limits: limits)
                return
            } catch {
                if unread.count <= limits.recordBytes, try fill(from: shard) { continue }
                failure = error
                return
            }
        }
    }

    /// Reads a shard's beginning.
    private mutating func open(_ shard: InputFile) throws(OfflineError) -> Form {
        unread = 0..<0
        while unread.count < 4, try fill(from: shard) {}
        guard !unread.isEmpty else { return .empty }
        guard LogFormat.isText(buffer.span.extracting(unread)) else { return .binary }
        let beginning = Array(buffer[unread])
        unread = 0..<0
        return .text(try TextShard(beginning, of: shard, limits: limits))
    }

    /// Reads a piece behind what is unread, which moves to the buffer's front; false at the shard's end.
    private mutating func fill(from shard: InputFile) throws(OfflineError) -> Bool {
        let kept = unread.count
        let start = unread.lowerBound
        buffer.withUnsafeMutableBytes { buffer in
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<kept])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<start + kept]))
        }
        let count = try shard.read(kept..<min(kept + Self.pieceBytes, buffer.count), of: &buffer)
        unread = 0..<kept + count
        return count > 0
    }
}
