import Glibc
import SystemPackage

/// The agent's copy of the bytes that it read from the kernel: a file without a name, gone with the process.
///
/// Reading the kernel's file costs more the further one reads (each read(2) walks the list from its head), so every byte
/// is read from there once.
struct LogSpool: ~Copyable {
    private let descriptor: FileDescriptor
    private let folder: FilePath
    /// Bytes held.
    private(set) var count: Int64 = 0

    /// Makes an empty spool in a folder.
    init(in folder: FilePath) throws(AttesterError) {
        let path = folder.appending(".spool.\(getpid()).\(UInt64.random(in: .min ... .max))")
        self.folder = folder
        do {
            descriptor = try FileDescriptor.open(
                path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
        } catch {
            throw AttesterError(.stateUnwritable, place: folder.string, problem: "\(error)")
        }
        unlink(path.string)
    }

    deinit {
        try? descriptor.close()
    }

    /// Adds bytes at the end.
    mutating func append(_ bytes: Span<UInt8>) throws(AttesterError) {
        do {
            let end = count
            let written = try bytes.withUnsafeBytes { try descriptor.writeAll(toAbsoluteOffset: end, $0) }
            count += Int64(written)
        } catch {
            throw AttesterError(.stateUnwritable, place: folder.string, problem: "\(error)")
        }
    }

    /// Forgets everything.
    mutating func removeAll() throws(AttesterError) {
        do {
            try descriptor.resize(to: 0)
            count = 0
        } catch {
            throw AttesterError(.stateUnwritable, place: folder.string, problem: "\(error)")
        }
    }

    /// Reads up to `limit` bytes from an offset; fewer only at the end.
    func bytes(at offset: Int64, limit: Int) throws(AttesterError) -> [UInt8] {
        let length = Int(max(0, min(Int64(limit), count - offset)))
        do {
            return try [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
                while filled < length {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                    let read = try descriptor.read(fromAbsoluteOffset: offset + Int64(filled), into: rest)
                    guard read > 0 else { break }
                    filled += read
                }
            }
        } catch {
            throw AttesterError(.stateUnwritable, place: folder.string, problem: "\(error)")
        }
    }
}
