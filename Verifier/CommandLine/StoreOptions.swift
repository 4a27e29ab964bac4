import ArgumentParser
import Foundation
import Settings
import Store
import SystemPackage
import Terminal

/// What all commands take that use the store.
struct StoreOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Configuration file.", valueName: "file"))
    var config = "/etc/assay/verifier.yaml"

    @Option(help: ArgumentHelp("The store's folder, whatever the configuration says.", valueName: "folder"))
    var store: String?

    /// The settings; without a file, if --store makes it dispensable.
    func settings() async throws(CommandFailure) -> Settings {
        let isDispensable = store != nil && !FileManager.default.fileExists(atPath: config)
        do {
            return try await Settings(file: isDispensable ? nil : config, environmentPrefix: "ASSAY_VERIFIER")
        } catch {
            throw .usage(error)
        }
    }

    func storePath(_ settings: Settings) throws(CommandFailure) -> FilePath {
        if let store { return FilePath(store) }
        do {
            return FilePath(try settings.text("store", default: "/var/lib/assay-verifier"))
        } catch {
            throw .usage(error)
        }
    }

    /// Opens the store.
    func open(_ mode: Store.Mode) async throws(CommandFailure) -> Store {
        let path = try storePath(try await settings())
        do {
            return try Store(path: path, mode: mode)
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
    } catch {
        throw .unavailable(error)
    }
}

/// Seconds since 1970.
func currentTime() -> Int64 { Int64(Date().timeIntervalSince1970) }
