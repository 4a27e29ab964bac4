import ArgumentParser
import Settings
import Store
import SystemPackage
import Terminal

/// What all commands take that use the store.
struct StoreOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Configuration file (default: /etc/assay/verifier.yaml).", valueName: "file"),
        completion: .file())
    var config: String?

    @Option(
        help: ArgumentHelp(
            "A setting, over the file and the environment; assay-verifier serve --check lists them.",
            valueName: "key=value"))
    var set: [String] = []

    @Option(
        help: ArgumentHelp("The store's folder, whatever the configuration says.", valueName: "folder"),
        completion: .directory)
    var store: String?

    func settings() throws(CommandFailure) -> Settings {
        let flags = store.map { set + ["\(VerifierSettings.store.declaration.key)=\($0)"] } ?? set
        do {
            return try Settings(VerifierSettings.schema, file: config, flags: flags)
        } catch {
            throw .usage(error)
        }
    }

    func storePath(_ settings: Settings) throws(CommandFailure) -> FilePath {
        do {
            return FilePath(try settings.value(of: VerifierSettings.store))
        } catch {
            throw .usage(error)
        }
    }

    func storage(_ settings: Settings) throws(CommandFailure) -> StorageConfiguration {
        do {
            return try StorageConfiguration(settings)
        } catch {
            throw .usage(error)
        }
    }

    /// Opens the store.
    func open(_ mode: Store.Mode) async throws(CommandFailure) -> Store { try opened(mode) }

    /// The same where nothing can wait.
    func opened(_ mode: Store.Mode) throws(CommandFailure) -> Store {
        let settings = try settings()
        let path = try storePath(settings)
        let storage = try storage(settings)
        do {
            return try Store(path: path, mode: mode, size: storage.size, history: storage.history)
        } catch {
            throw .unavailable(error)
        }
    }
}

/// A failure of the store, as a command reports it.
func reported<Result>(_ body: () async throws -> Result) async throws(CommandFailure) -> Result {
    do {
        return try await body()
    } catch let failure as CommandFailure {
        throw failure
    } catch let error as StoreError where error.code == .invalidArgument {
        throw .usage(error)
    } catch {
        throw .unavailable(error)
    }
}
