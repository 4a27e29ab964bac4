internal import CPCRE2

/// A compiled regular expression over bytes, matched from the start of the subject (PCRE2).
///
/// `@unchecked Sendable`: a compiled pattern is read-only after JIT compilation, which happens in `init`; PCRE2 allows
/// matching with it from any number of threads, each with match data of its own (pcre2api, "Multithreading").
final class ByteRegex: @unchecked Sendable {
    fileprivate let code: OpaquePointer

    /// Why a pattern doesn't compile.
    struct CompileError: Error {
        /// PCRE2's own words.
        let message: String
        /// Bytes from the pattern's start.
        let offset: Int
    }

    /// Compiles a pattern of bytes. It is never taken for UTF-8, whatever it says: a path's bytes needn't be.
    init(_ pattern: [UInt8]) throws(CompileError) {
        var number: Int32 = 0
        var offset = 0
        let context = pcre2_compile_context_create_8(nil)
        defer { pcre2_compile_context_free_8(context) }
        pcre2_set_newline_8(context, UInt32(PCRE2_NEWLINE_LF))
        let options = UInt32(PCRE2_ANCHORED) | UInt32(PCRE2_NEVER_UTF) | UInt32(PCRE2_NEVER_UCP)
        let code = pattern.withUnsafeBufferPointer {
            pcre2_compile_8($0.baseAddress ?? emptySubject, $0.count, options, &number, &offset, context)
        }
        guard let code else { throw CompileError(message: Self.message(number), offset: offset) }
        // Without JIT (a kernel that forbids executable memory, say) the interpreter matches, slower.
        _ = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
        self.code = code
    }

    deinit {
        pcre2_code_free_8(code)
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
    /// Steps of backtracking; a path of 4,096 bytes needs a few thousand under any sane pattern.
    private static let matchLimit: UInt32 = 100_000
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
        guard let matchData, let context else { return false }
        let start = subject.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? emptySubject
        var result = pcre2_match_8(regex.code, start, subject.count, 0, 0, matchData, context)
        if result == PCRE2_ERROR_JIT_STACKLIMIT {
            // The machine stack of JIT code is small and fixed; the interpreter's heap is bounded but larger.
            result = pcre2_match_8(regex.code, start, subject.count, 0, UInt32(PCRE2_NO_JIT), matchData, context)
        }
        return result >= 0
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
