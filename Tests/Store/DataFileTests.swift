import Foundation
import SystemPackage
import Testing

@testable import Store

@Suite("A file that is shorter than its pages") struct DataFileTests {
    private static let pageBytes = 4096

    private func file(_ folder: TemporaryStore) throws -> FileHandle {
        try FileHandle(forUpdating: URL(filePath: folder.path.appending("data.mdb").string))
    }

    /// Puts large values and deletes some, so that free pages lie at the file's end and elsewhere.
    private func fill(_ folder: TemporaryStore, pages: Int, deleting: Range<UInt8>) throws {
        let store = try Store(path: folder.path)
        store.close()
        try folder.withEnvironment { environment in
            try environment.write { (transaction) throws(StoreError) in
                let database = try transaction.create("large")
                for key: UInt8 in 0..<20 {
                    try transaction.put([key], .init(repeating: key, count: pages * Self.pageBytes), in: database)
                }
            }
            for key in deleting {
                try environment.write { (transaction) throws(StoreError) in
                    try transaction.delete([key], in: try transaction.create("large"))
                }
            }
        }
    }

    /// Reads every byte of what is there.
    private func readAll(_ folder: TemporaryStore) throws {
        try folder.withEnvironment { environment in
            try environment.read { (transaction) throws(StoreError) in
                guard let database = try transaction.open("large") else { return }
                try transaction.scan(database, prefix: []) { (key, value) throws(StoreError) in
                    let isSound = value.withUnsafeBufferPointer { bytes in bytes.allSatisfy { $0 == key[0] } }
                    #expect(isSound)
                    return true
                }
            }
        }
    }

    @Test("is whole as long as only free pages are missing, and refused from the first one that is used")
    func cut() async throws {
        let pages = 9
        try await TemporaryStore.inFolder { folder in
            try fill(folder, pages: pages, deleting: 8..<20)
            let file = try file(folder)
            var size = try file.seekToEnd()
            let before = size
            var refusal: StoreError?
            while size > 0, refusal == nil {
                size -= UInt64(Self.pageBytes)
                try file.truncate(atOffset: size)
                do {
                    try readAll(folder)
                } catch let error as StoreError {
                    refusal = error
                }
            }
            #expect(refusal?.code == .damaged, "\(String(describing: refusal))")
            // Most of the twelve values that were deleted lay at the end.
            #expect(before - size > UInt64(8 * pages * Self.pageBytes))
        }
    }

    @Test("because a transaction gave back more pages than a node has numbers is sound") func givenBack() async throws {
        try await TemporaryStore.inFolder { folder in
            try fill(folder, pages: 4, deleting: 8..<9)
            try folder.withEnvironment { environment in
                try environment.write { (transaction) throws(StoreError) in
                    let database = try transaction.create("large")
                    try transaction.put([50], .init(repeating: 50, count: 300 * Self.pageBytes), in: database)
                    try transaction.delete([50], in: database)
                }
                let size = try file(folder).seekToEnd()
                #expect(UInt64(environment.figures.bytes) > size)
            }
            try readAll(folder)
            let store = try Store(path: folder.path)
            try await store.attest("host")
            store.close()
            try folder.check()
        }
    }
}
