import Bytes
import CLMDB
import Files
import SystemPackage

/// Why the store could not do what it was asked: what, where, and what the operator can do.
package struct StoreError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Hashable, Sendable {
        /// There is no store in the folder that was named.
        case noStore
        /// The agent, policy or file that was named doesn't exist.
        case notFound
        /// It exists already.
        case alreadyExists
        /// Another agent, the place's, is enrolled with the attestation key.
        case attestationKeyTaken
        /// The key that is to be allowed again isn't denied.
        case notDenied
        /// Something else in the store needs it.
        case inUse
        /// An argument that no store could take, such as an empty agent id.
        case invalidArgument
        /// A value, or the file itself, isn't what was written.
        case damaged
        /// The map has reached its ceiling.
        case mapFull
        /// The disk has no room.
        case diskFull
        /// The disk of a file that isn't the store's own has no room.
        case noRoomForFile
        /// The file system is mounted for reading alone.
        case readOnlyFileSystem
        /// Too many readers, or a file locked by another process for too long.
        case busy
        /// Written by a newer Assay.
        case newerSchema(UInt32)
        /// Written by an older Assay.
        case olderSchema(UInt32)
        /// Not a store of Assay's.
        case foreign
        /// A file that isn't a backup of a store.
        case notABackup
        /// A path that leads nowhere, through a file, or to a folder where a file is awaited.
        case wrongPath
        /// Another server owns the store.
        case serverRunning
        /// This process has the store open already; LMDB's locks allow that once.
        case alreadyOpen
        /// A write to a store that was opened for reading.
        case readOnly
        /// The system refused access to a file.
        case permissionDenied
        /// The store was closed.
        case closed
        /// Any other error of LMDB's or the system's.
        case failed
    }

    /// Where it went wrong, as far as it is known.
    package struct Place: Hashable, Sendable, CustomStringConvertible {
        /// The store's folder, or a file in it.
        package var path: String?
        /// The named database.
        package var database: String?
        /// The only agent that is affected; nil where it isn't one agent's matter.
        package var agent: [UInt8]?

        /// A place, as far as it is known.
        package init(path: String? = nil, database: String? = nil, agent: [UInt8]? = nil) {
            self.path = path
            self.database = database
            self.agent = agent
        }

        package var description: String {
            [path, database.map { "database \($0)" }, agent.map { "agent " + escaped($0) }].compactMap(\.self)
                .joined(separator: ", ")
        }
    }

    /// What went wrong.
    package let code: Code
    /// Where.
    package let place: Place
    /// A sentence about this very case, without the remedy.
    package let detail: String

    /// An error with its place.
    package init(_ code: Code, _ detail: String, at place: Place = Place()) {
        self.code = code
        self.place = place
        self.detail = detail
    }

    /// What the operator can do.
    package var remedy: String {
        switch code {
        case .noStore:
            "name its folder with --store or as `store` in the configuration; `assay-verifier init` makes a verifier with "
                + "one, `assay-verifier store create` makes a store alone"
        case .notFound:
            "check the name; `assay-verifier agents list` and `assay-verifier policy list` show what is there"
        case .notDenied: "`assay-verifier keyrings denied` lists the keys that are"
        case .alreadyExists: "remove it first, or choose another name"
        case .attestationKeyTaken:
            "if the host has another name now, remove that one first (`assay-verifier agents remove`); to have one TPM "
                + "under two names, add it with --replace"
        case .inUse where place.database == "trials" || place.database == "learning":
            "wait until one of them is over, or end its command"
        case .inUse: "have those agents judged by another policy first: `assay-verifier policy assign ID NAME`"
        case .invalidArgument: "correct the argument"
        case .damaged where place.agent != nil:
            "attest this agent again from record 0, or enrol it again; other agents are not affected"
        case .damaged: "stop the verifier and restore the store from a backup"
        case .mapFull: "raise the store's size limit in the configuration, or remove agents that are no longer needed"
        case .diskFull: "make room on the disk that holds the store; nothing that it has is lost"
        case .noRoomForFile: "make room on the disk that this file is on; the store is what it was"
        case .readOnlyFileSystem: FileError.remedy(for: Errno.readOnlyFileSystem.rawValue)
        case .busy: "try again; if it stays so, end the processes that hold the store open"
        case .newerSchema: "use the version of Assay that wrote it, or have that version downgrade the store first"
        case .olderSchema: "upgrade the store first: `assay-verifier store upgrade`"
        case .foreign: "name a store's folder, or an empty one for a new store; nothing in this one was changed"
        case .notABackup: "give a file that `assay-verifier store backup` wrote; the store was not changed"
        case .wrongPath:
            "check the path: a store is a folder, a backup a file, and root follows no symbolic link of another user's"
        case .serverRunning: "stop the other server, or give this one a store of its own"
        case .alreadyOpen: "use the store that is open"
        case .readOnly: "open the store for writing"
        case .permissionDenied: "run as the user who owns the store's folder"
        case .closed: "open the store again"
        case .failed: "look for errors of the disk in the kernel's log, then start the verifier again"
        }
    }

    package var description: String {
        let place = place.description
        return "store: \(detail)" + (place.isEmpty ? "" : " (\(place))") + "; \(remedy)"
    }
}

extension StoreError {
    /// An error number of LMDB's (negative) or the system's (positive), as `call` returned it.
    init(_ number: CInt, _ call: String, at place: Place) {
        let code: Code =
            switch number {
            case MDB_MAP_FULL: .mapFull
            case MDB_READERS_FULL, Errno.resourceTemporarilyUnavailable.rawValue: .busy
            case MDB_INVALID, MDB_VERSION_MISMATCH: .foreign
            case MDB_CORRUPTED, MDB_PAGE_NOTFOUND: .damaged
            case MDB_BAD_VALSIZE: .invalidArgument
            case MDB_NOTFOUND: .notFound
            case Errno.noSuchFileOrDirectory.rawValue, Errno.notDirectory.rawValue, Errno.isDirectory.rawValue,
                Errno.tooManySymbolicLinkLevels.rawValue:
                .wrongPath
            case Errno.fileExists.rawValue: .alreadyExists
            case Errno.noSpace.rawValue, Errno.diskQuotaExceeded.rawValue, Errno.fileTooLarge.rawValue: .diskFull
            case Errno.permissionDenied.rawValue, Errno.notPermitted.rawValue: .permissionDenied
            case Errno.readOnlyFileSystem.rawValue: .readOnlyFileSystem
            default: .failed
            }
        self.init(code, "\(call): \(String(cString: mdb_strerror(number)))", at: place)
    }

    /// Adds the path, which transactions don't know.
    func at(path: String) -> StoreError {
        var place = place
        place.path = place.path ?? path
        return StoreError(code, detail, at: place)
    }

    /// Adds the agent, which transactions don't know.
    func at(agent: [UInt8]) -> StoreError {
        var place = place
        place.agent = place.agent ?? agent
        return StoreError(code, detail, at: place)
    }
}
