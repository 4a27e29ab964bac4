import Files
import SystemPackage

/// The right to be the only server of a store, held until this is released. Command lines need no claim.
package final class ServerClaim: Sendable {
    /// The lock file's name.
    static let fileName = "server.lock"

    private let claim: ProcessClaim

    /// Claims the store in a folder, or says who holds it.
    init(folder: FilePath) throws(StoreError) {
        let path = folder.appending(Self.fileName).string
        let place = StoreError.Place(path: path)
        do throws(ProcessClaim.Refusal) {
            claim = try ProcessClaim(path)
        } catch {
            switch error {
            case .held(let process):
                let owner = process.map { " (process \($0))" } ?? ""
                throw StoreError(.serverRunning, "a server\(owner) owns this store", at: place)
            case .file(let error): throw StoreError(error.errno, "open", at: place)
            }
        }
    }

    /// The process of the server that owns a store; nil if none does.
    static func holder(of folder: FilePath) -> Int32? {
        ProcessClaim.holder(of: folder.appending(fileName).string)
    }
}
