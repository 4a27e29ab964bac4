import AssayCrypto
import IMA

/// A shard in text form, read in pieces: memory is that of a few records, however long the shard is.
struct TextShard {
    /// What must be there behind a record's first byte, short of the shard's end, before the record is read: its text takes
    /// two characters for a byte at most, and the newlines of a name are looked for a little farther.
    private static let lookahead = 2 * LogLimits.standard.recordBytes + (1 << 16)
    private static let pieceBytes = 1 << 20

    private let file: InputFile
    private let limits: LogLimits
    /// What isn't read yet, as far as it is here, and where in the shard it begins.
    private var text: [UInt8]
    private var base = 0
    private var isAtEnd = false

    /// A shard of which the beginning has been read.
    init(_ beginning: [UInt8], of file: InputFile, limits: LogLimits) throws(OfflineError) {
        self.file = file
        self.limits = limits
        text = beginning
        try fill()
    }

    /// The hash of the first record's digest column; nil if that can't be read.
    var column: PCRBank? {
        var log = ASCIILog(text, limits: limits)
        _ = try? log.next()
        return log.column
    }

    /// Visits every record in its binary form, up to one that ends it.
    ///
    /// - Parameters:
    ///   - firstRecord: the number of the first one.
    ///   - body: takes a record and its column; false ends the visit.
    /// - Returns: why the text can't be read on; nil at its end.
    mutating func forEach(
        firstRecord: UInt64, _ body: ([UInt8], PCRBank?) -> Bool
    ) throws(OfflineError) -> LogError? {
        var number = firstRecord
        while true {
            var log = ASCIILog(text, limits: limits, firstRecord: number)
            do throws(LogError) {
                while isAtEnd || text.count - log.offset >= Self.lookahead {
                    guard let record = try log.next() else {
                        if isAtEnd { return nil }
                        // Blank lines, and nothing else.
                        base += text.count
                        text = []
                        break
                    }
                    number += 1
                    guard body(record, log.column) else { return nil }
                }
            } catch {
                return LogError(error.code, record: error.record, offset: base + error.offset)
            }
            let offset = min(log.offset, text.count)
            log = ASCIILog([])
            base += offset
            text.removeFirst(offset)
            try fill()
        }
    }

    /// Reads until there is enough for a record and more, or the shard ends.
    private mutating func fill() throws(OfflineError) {
        var piece = [UInt8](repeating: 0, count: isAtEnd ? 0 : Self.pieceBytes)
        while !isAtEnd, text.count < 2 * Self.lookahead {
            let count = try file.read(piece.indices, of: &piece)
            isAtEnd = count == 0
            text += piece[..<count]
        }
    }
}
