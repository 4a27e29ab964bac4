internal import CPCRE2

/// A compiled regular expression over bytes, matched from the start of the subject (PCRE2).
///
/// It is never compiled to machine code (JIT): PCRE2's interpreter counts each of its steps, so that the limit on them
/// bounds the time and the same name has the same verdict wherever it is judged. Compiled code counts few of its steps:
/// under the same limit it took 23 times as long over a hostile name (and over usual ones a half to a fourteenth of the
/// time). It also needs memory that is writable and executable, which the packaged service denies itself.
///
/// `@unchecked Sendable`: a compiled pattern is read-only; PCRE2 allows matching with it from any number of threads, each
/// with match data of its own (pcre2api, "Multithreading").
final class ByteRegex: @unchecked Sendable {
    fileprivate let code: OpaquePointer
    /// What every subject that matches begins with: most that don't match are told by it, without PCRE2.
    fileprivate let prefix: [UInt8]

    /// Why a pattern doesn't compile.
    struct CompileError: Error {
        /// PCRE2's own words.
        let message: String
        /// Bytes from the pattern's start.
        let offset: Int
    }

    /// Compiles a pattern of bytes. It is never taken for UTF-8, whatever it says: a path's bytes needn't be.
    init(_ pattern: [UInt8]) throws(CompileError) {
        code = try Self.compile(pattern, isAnchored: true)
        prefix = LiteralPrefix(of: pattern[...]).bytes
    }

    deinit {
        pcre2_code_free_8(code)
    }

    /// The bytes with which a match may begin, as PCRE2 found them out.
    static func firstBytes(of pattern: [UInt8]) throws(CompileError) -> FirstBytes {
        // It doesn't look for them where it knows the place.
        let free = Array(pattern.drop { $0 == UInt8(ascii: "^") })
        let code = try compile(free, isAnchored: false)
        defer { pcre2_code_free_8(code) }
        var kind: UInt32 = 0
        var byte: UInt32 = 0
        var bitmap: UnsafePointer<UInt8>?
        guard pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_FIRSTCODETYPE), &kind) == 0,
            pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_FIRSTCODEUNIT), &byte) == 0,
            pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_FIRSTBITMAP), &bitmap) == 0
        else { return .any }
        if kind == 1 { return .some(bothCases(UInt8(truncatingIfNeeded: byte))) }
        guard let bitmap else { return .any }
        return .some(Set((0...UInt8.max).filter { bitmap[Int($0) / 8] & 1 << ($0 % 8) != 0 }))
    }

    /// A letter that PCRE2 tells may stand for either case.
    private static func bothCases(_ byte: UInt8) -> Set<UInt8> {
        (0x41...0x5a).contains(byte & 0xdf) ? [byte & 0xdf, byte | 0x20] : [byte]
    }

    private static func compile(_ pattern: [UInt8], isAnchored: Bool) throws(CompileError) -> OpaquePointer {
        var number: Int32 = 0
        var offset = 0
        let context = pcre2_compile_context_create_8(nil)
        defer { pcre2_compile_context_free_8(context) }
        pcre2_set_newline_8(context, UInt32(PCRE2_NEWLINE_LF))
        let anchored = isAnchored ? UInt32(PCRE2_ANCHORED) : 0
        let options = anchored | UInt32(PCRE2_NEVER_UTF) | UInt32(PCRE2_NEVER_UCP)
        let code = pattern.withUnsafeBufferPointer {
            pcre2_compile_8($0.baseAddress ?? emptySubject, $0.count, options, &number, &offset, context)
        }
        guard let code else { throw CompileError(message: message(number), offset: offset) }
        return code
    }

    private static func message(_ number: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let length = pcre2_get_error_message_8(number, &buffer, buffer.count)
        return length > 0 ? String(decoding: buffer.prefix(Int(length)), as: UTF8.self) : "error \(number)"
    }
}

/// What matching writes to, with the limits that bound its time.
///
/// `@unchecked Sendable`: it isn't safe for two threads at once; each appraiser owns its own, appraisers can't be
/// copied, and only their mutating functions reach it.
final class RegexMatcher: @unchecked Sendable {
    /// Steps of backtracking, of some 13 ns each: a third of a millisecond for one expression and the worst of names. A
    /// name of 4,095 bytes takes about as many under an expression with one star, and far fewer names have so many.
    private static let matchLimit: UInt32 = 20_000
    private static let heapLimitKiB: UInt32 = 1024

    private let matchData: OpaquePointer?
    private let context: OpaquePointer?

    init() {
        matchData = pcre2_match_data_create_8(1, nil)
        context = pcre2_match_context_create_8(nil)
        if let context {
            pcre2_set_match_limit_8(context, Self.matchLimit)
            pcre2_set_heap_limit_8(context, Self.heapLimitKiB)
        }
    }

    deinit {
        pcre2_match_data_free_8(matchData)
        pcre2_match_context_free_8(context)
    }

    /// Whether the expression matches at the subject's start. A limit that is met counts as no match.
    func matches(_ regex: ByteRegex, _ subject: UnsafeRawBufferPointer) -> Bool {
        guard let matchData, let context, subject.count >= regex.prefix.count else { return false }
        for index in regex.prefix.indices where regex.prefix[index] != subject[index] { return false }
        let start = subject.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? emptySubject
        return pcre2_match_8(regex.code, start, subject.count, 0, UInt32(PCRE2_NO_JIT), matchData, context) >= 0
    }
}

/// PCRE2 refuses a nil pattern or subject even where its length is 0.
///
/// `nonisolated(unsafe)`: one byte that is allocated once, never written again and never freed.
nonisolated(unsafe) private let emptySubject: UnsafePointer<UInt8> = {
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    byte.initialize(to: 0)
    return UnsafePointer(byte)
}()
