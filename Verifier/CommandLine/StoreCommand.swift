import ArgumentParser
import Bytes
import Settings
import Store
import SystemPackage
import Terminal

/// The verifier's memory as a whole: what it is, whether it is well, copies of it, its version.
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Make a store, look at it, check it, back it up, restore it, move it between versions.",
        discussion: "info, check and backup work beside a running server; the others refuse to.",
        subcommands: [Create.self, Info.self, Check.self, Upgrade.self, Downgrade.self, BackUp.self, Restore.self])

    /// Makes a store.
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an empty store, for a verifier with certificates of your own.",
            discussion: """
                init makes one with all the rest. No other command makes a store where there is none, but restore: a \
                mistyped folder is told.
                """)

        @OptionGroup var options: StoreOptions

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Made: Encodable {
            let store: String
        }

        func run() async throws {
            let path = try options.storePath(try options.settings())
            try await reported { try Store.create(at: path) }
            let made = Made(store: escaped(path.string.utf8))
            Output.line(json ? try jsonLine(made) : "an empty store is in \(made.store)")
        }
    }

    /// Says what the store is.
    struct Info: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the store's version, its size and what it holds; also of a store of another version.")

        @OptionGroup var options: StoreOptions

        @Flag(help: "One JSON object on one line.")
        var json = false

        func run() async throws {
            let settings = try options.settings()
            let path = try options.storePath(settings)
            let limit = try options.storage(settings).size.ceiling
            let shown = ShownStore(path, try await reported { try StoreInfo(path) }, limit: limit)
            if json { return Output.line(try jsonLine(shown)) }
            Output.lines(shown.lines)
            var table = Table(["DATABASE", "ENTRIES", "SIZE"], rightAligned: [1, 2])
            for database in shown.databases {
                table.append([
                    database.name, readableCount(UInt64(clamping: database.entries)),
                    readableSize(UInt64(clamping: database.bytes)),
                ])
            }
            Output.table(table)
        }
    }

    /// Reads all of the store.
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read every value of the store, and see whether they fit each other.",
            discussion: """
                Each problem names database and agent.

                \(ExitStatus.help([.done: "all is well", .unavailable: "something is damaged, or can't be read"]))
                """)

        @OptionGroup var options: StoreOptions

        @Flag(help: "One JSON object on one line.")
        var json = false

        func run() async throws {
            let path = try options.storePath(try options.settings())
            let check = try await reported { try StoreCheck(path) }
            let shown = CheckedStore(check)
            if json {
                Output.line(try jsonLine(shown))
            } else {
                Output.lines(shown.problems)
                Output.line("\(shown.summary), \(shown.problems.isEmpty ? "all well" : "damaged")")
            }
            guard check.problems.isEmpty else {
                let count = check.problems.count
                throw CommandFailure(.unavailable, "\(counted(count, "problem")) found")
            }
        }
    }

    /// Moves the store to this release's version.
    struct Upgrade: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move a store of an older version to the one of this release.",
            discussion: """
                One transaction: interrupted, the store is what it was. Every agent is appraised from record 0 at its \
                next round. Make a copy first: assay-verifier store backup FILE.
                """)

        @OptionGroup var options: StoreOptions

        @Flag(help: "One JSON object on one line.")
        var json = false

        func run() async throws {
            try await options.migrate(to: Migration.versions.upperBound, json: json)
        }
    }

    /// Moves the store to an older version.
    struct Downgrade: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move the store to an older version, for an older release.",
            discussion: """
                One transaction: interrupted, the store is what it was. Version 1 has no keyrings: what was learned is \
                dropped, and every agent is appraised from record 0.
                """)

        @OptionGroup var options: StoreOptions

        @Option(help: ArgumentHelp("The version.", valueName: "n"))
        var to: UInt32

        @Flag(help: "One JSON object on one line.")
        var json = false

        func run() async throws { try await options.migrate(to: to, json: json) }
    }

    /// Copies the store.
    struct BackUp: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "backup",
            abstract: "Write a copy of the store, as of one moment, to a new file.",
            discussion: "The server goes on. The file is as secret as the store.")

        @OptionGroup var options: StoreOptions

        @Argument(help: "The file to make.", completion: .file())
        var file: String

        @Flag(help: "One JSON object on one line.")
        var json = false

        private struct Made: Encodable {
            let backup: String
        }

        func run() async throws {
            let path = try options.storePath(try options.settings())
            try await reported { try Backup.write(path, to: FilePath(file)) }
            let made = Made(backup: escaped(file.utf8))
            Output.line(json ? try jsonLine(made) : "the store is copied to \(made.backup)")
        }
    }

    /// Puts a copy in the store's place.
    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a copy in the store's place.",
            discussion: """
                The copy is read in full first: a damaged one changes nothing. The store that was there is kept in the \
                folder as data.mdb.replaced. Verdicts, keys and denials since the copy was made are gone: deny again \
                what was denied since.
                """)

        @OptionGroup var options: StoreOptions

        @Argument(help: "A file that backup has made.", completion: .file())
        var file: String

        @Flag(help: "One JSON object on one line.")
        var json = false

        func run() async throws {
            let path = try options.storePath(try options.settings())
            let shown = CheckedStore(try await reported { try Backup.restore(path, from: FilePath(file)) })
            Output.line(json ? try jsonLine(shown) : "restored: \(shown.summary)")
            if shown.version < Migration.versions.upperBound {
                Output.notice("it is of an older version: assay-verifier store upgrade")
            }
        }
    }
}

extension StoreOptions {
    fileprivate func migrate(to version: UInt32, json: Bool) async throws {
        let settings = try settings()
        let path = try storePath(settings)
        let size = try storage(settings).size
        let moved = MovedStore(try await reported { try Migration.run(path, to: version, size: size) })
        Output.line(json ? try jsonLine(moved) : moved.sentence)
    }
}
