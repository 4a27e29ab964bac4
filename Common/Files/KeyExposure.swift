internal import CFileSystem
internal import Glibc

/// A private key's file that is open to others than its owner.
package struct KeyExposure: Hashable, Sendable, CustomStringConvertible {
    private let path: String
    private let mode: UInt32

    /// Looks at a file; nil if its owner alone can read and write it, or if there is none.
    package init?(ofKeyFile path: String) {
        guard let descriptor = try? openFile(at: path, assay_o_path(), followsLast: true) else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & 0o066 != 0 else { return nil }
        self.path = path
        mode = status.st_mode & 0o777
    }

    /// What is wrong.
    package var problem: String {
        let readers = mode & 0o006 != 0 ? "everybody" : "its group"
        return "the private key in \(path) is open to \(readers) (mode 0\(String(mode, radix: 8)))"
    }

    /// What to do.
    package var remedy: String {
        "let its owner alone read it (chmod 600), and replace it if somebody else may have read it"
    }

    package var description: String { "\(problem); \(remedy)" }
}
