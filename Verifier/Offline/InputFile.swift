import Glibc

/// A file that is read from its beginning to its end, or standard input; closed with its owner.
final class InputFile: Sendable {
    /// The name, as it was given.
    let path: String
    private let descriptor: Int32
    private let isOwned: Bool

    /// Opens a file; `-` stands for standard input.
    init(_ path: String) throws(OfflineError) {
        let isOwned = path != "-"
        let descriptor = isOwned ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO
        guard descriptor >= 0 else { throw Self.error(path, errno) }
        self.path = path
        self.isOwned = isOwned
        self.descriptor = descriptor
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    /// Reads as many bytes as there are now, and at most as many as fit.
    ///
    /// - Returns: how many; 0 at the end.
    func read(_ range: Range<Int>, of buffer: inout [UInt8]) throws(OfflineError) -> Int {
        guard !range.isEmpty else { return 0 }
        while true {
            let count = buffer.withUnsafeMutableBytes { buffer in
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
                return Glibc.read(descriptor, part.baseAddress, part.count)
            }
            if count >= 0 { return count }
            guard errno == EINTR else { throw Self.error(path, errno) }
        }
    }

    /// All that is left of the file.
    ///
    /// - Parameter limit: in bytes; a longer file is refused before it fills memory.
    func contents(limit: Int) throws(OfflineError) -> [UInt8] {
        var contents: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = try read(piece.indices, of: &piece)
            if count == 0 { return contents }
            guard count <= limit - contents.count else {
                throw .file(path: path, problem: "the file is longer than \(limit) bytes")
            }
            contents += piece[..<count]
        }
    }

    private static func error(_ path: String, _ code: Int32) -> OfflineError {
        .system(path, code)
    }
}
