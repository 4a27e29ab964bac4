import CLMDB
import Glibc

/// LMDB's data file, looked at beside the map: reading a page beyond the file's end through the map would end the process
/// with a signal (SIGBUS).
///
/// LMDB counts a page that a transaction took and gave back without ever writing it, so that a sound file may be shorter
/// than its pages: then those beyond its end must all be free. Numbers are in the host's byte order (LMDB 0.9, mdb.c:
/// MDB_meta, MDB_db, MDB_page, MDB_node; data version 1).
struct DataFile {
    private static let headerBytes = 16
    private static let noPage = UInt64.max

    private let descriptor: mdb_filehandle_t
    private let pageBytes: Int

    /// Nil if LMDB doesn't tell.
    init?(_ handle: OpaquePointer) {
        var statistics = MDB_stat()
        var descriptor: mdb_filehandle_t = -1
        guard mdb_env_stat(handle, &statistics) == MDB_SUCCESS, statistics.ms_psize > 0,
            mdb_env_get_fd(handle, &descriptor) == MDB_SUCCESS
        else { return nil }
        self.descriptor = descriptor
        pageBytes = Int(statistics.ms_psize)
    }

    /// Whether all pages are there that the snapshot of a transaction uses: as long as it is open, nobody writes on them.
    func isWhole(for transaction: OpaquePointer) -> Bool {
        guard let meta = meta(of: UInt64(mdb_txn_id(transaction))), let held = heldPages else { return false }
        guard meta.lastPage >= held else { return true }
        var free = FreePages(from: held)
        return visit(meta.freeRoot, &free, depth: 0) && free.count == meta.lastPage - held + 1
    }

    /// Whole pages that the file holds.
    private var heldPages: UInt64? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size >= 0 else { return nil }
        return UInt64(status.st_size) / UInt64(pageBytes)
    }

    /// What a commit says of the file. Two are kept, in the first two pages.
    private struct Meta {
        let freeRoot: UInt64
        let lastPage: UInt64
    }

    private func meta(of transaction: UInt64) -> Meta? {
        for number: UInt64 in 0...1 {
            guard let page = read(number), let found = page.number(at: 144, UInt64.self), found == transaction,
                let root = page.number(at: 80, UInt64.self), let last = page.number(at: 136, UInt64.self)
            else { continue }
            return Meta(freeRoot: root, lastPage: last)
        }
        return nil
    }
}

// The tree of free pages: a leaf's data is a count and as many page numbers.
extension DataFile {
    private struct FreePages {
        /// The first page that counts.
        let start: UInt64
        private(set) var count: UInt64 = 0
        /// Pages of the tree that were visited: more than the file holds are a circle.
        private var visited: UInt64 = 0

        init(from start: UInt64) { self.start = start }

        mutating func add(_ page: UInt64) { if page >= start { count += 1 } }

        mutating func mayVisit() -> Bool {
            visited += 1
            return visited <= start
        }
    }

    /// A tree of more levels than LMDB makes (CURSOR_STACK) is no tree.
    private static let maximumDepth = 32

    /// - Returns: false for what is no such tree.
    private func visit(_ number: UInt64, _ free: inout FreePages, depth: Int) -> Bool {
        guard number != Self.noPage else { return depth == 0 }
        guard depth < Self.maximumDepth, free.mayVisit(), let page = read(number),
            let flags = page.number(at: 10, UInt16.self),
            let lower = page.number(at: 12, UInt16.self), lower >= Self.headerBytes
        else { return false }
        for index in 0..<(Int(lower) - Self.headerBytes) / 2 {
            guard let node = page.number(at: Self.headerBytes + 2 * index, UInt16.self),
                let low = page.number(at: Int(node), UInt32.self),
                let nodeFlags = page.number(at: Int(node) + 4, UInt16.self),
                let keyBytes = page.number(at: Int(node) + 6, UInt16.self)
            else { return false }
            let data = Int(node) + 8 + Int(keyBytes)
            let isRead =
                switch flags & 3 {
                case 1: visit(UInt64(low) | UInt64(nodeFlags) << 32, &free, depth: depth + 1)  // P_BRANCH
                case 2: visit(page, data, bytes: Int(low), isLarge: nodeFlags & 1 != 0, &free)  // P_LEAF, F_BIGDATA
                default: false
                }
            guard isRead else { return false }
        }
        return true
    }

    private func visit(_ page: [UInt8], _ start: Int, bytes: Int, isLarge: Bool, _ free: inout FreePages) -> Bool {
        guard isLarge else { return Self.add(page, from: start, bytes: bytes, to: &free) }
        // The data is on pages of its own.
        guard let number = page.number(at: start, UInt64.self), let list = read(number, bytes: Self.headerBytes + bytes)
        else { return false }
        return Self.add(list, from: Self.headerBytes, bytes: bytes, to: &free)
    }

    private static func add(_ list: [UInt8], from start: Int, bytes: Int, to free: inout FreePages) -> Bool {
        guard let count = list.number(at: start, UInt64.self), count < bytes / 8 else { return false }
        for index in 0..<Int(count) {
            guard let page = list.number(at: start + 8 * (index + 1), UInt64.self) else { return false }
            free.add(page)
        }
        return true
    }

    /// Reads a page, or more bytes where a value has several; nil if the file hasn't that many.
    private func read(_ number: UInt64, bytes: Int? = nil) -> [UInt8]? {
        let count = bytes ?? pageBytes
        guard let held = heldPages, number < held, count <= Int(clamping: held - number) * pageBytes else { return nil }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, pread(descriptor, buffer.baseAddress, count, off_t(number) * off_t(pageBytes)))
        }
    }
}

extension [UInt8] {
    /// A number in the host's byte order; nil where it doesn't lie within.
    fileprivate func number<Value: FixedWidthInteger>(at offset: Int, _ type: Value.Type) -> Value? {
        let size = MemoryLayout<Value>.size
        guard offset >= 0, offset <= count - size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
    }
}
