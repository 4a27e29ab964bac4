import Foundation
import Settings
import Testing

@Suite("Settings") struct SettingsTests {
    private enum Bank: String, CaseIterable {
        case sha1, sha256, sha384
    }

    /// Settings out of a file and an environment; the file is gone when they were read.
    private func settings(_ yaml: String?, _ environment: [String: String] = [:]) async throws -> Settings {
        guard let yaml else {
            return try await Settings(file: nil, environmentPrefix: "ASSAY_X", environment: environment)
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "assay-settings-\(UUID().uuidString).yaml")
        try Data(yaml.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try await Settings(file: file.path, environmentPrefix: "ASSAY_X", environment: environment)
    }

    /// The error that an operation throws.
    private func fault(_ body: () throws(SettingsError) -> Void) -> SettingsError? {
        do throws(SettingsError) {
            try body()
            return nil
        } catch { return error }
    }

    @Test("come from the file, and from the environment over it")
    func precedence() async throws {
        let yaml = """
            verifier:
              host: from-file
              port: 7443
            """
        let file = try await settings(yaml)
        #expect(try file.text("verifier.host") == "from-file")
        #expect(try file.integer("verifier.port", default: 1, in: 0...65535) == 7443)
        let both = try await settings(
            yaml, ["ASSAY_X_VERIFIER_HOST": "from-environment", "ASSAY_Y_VERIFIER_PORT": "1", "VERIFIER_PORT": "2"])
        #expect(try both.text("verifier.host") == "from-environment")
        #expect(try both.integer("verifier.port", default: 1, in: 0...65535) == 7443)
        let alone = try await settings(nil, ["ASSAY_X_VERIFIER_PORT": "8443"])
        #expect(try alone.integer("verifier.port", default: 1, in: 0...65535) == 8443)
        #expect(try alone.text("verifier.host") == nil)
    }

    @Test("that are left out take their default, unless they must be there")
    func defaults() async throws {
        let settings = try await settings("other: 1\n")
        #expect(try settings.text("store", default: "/var") == "/var")
        #expect(try settings.integer("port", default: 9, in: 0...10) == 9)
        #expect(try settings.word("bank", default: Bank.sha384) == .sha384)
        #expect(try settings.words("banks", default: [Bank.sha1]) == [.sha1])
        let error = try #require(fault { () throws(SettingsError) in _ = try settings.requiredText("tls.key") })
        #expect(error.key == "tls.key" && error.source.hasSuffix(".yaml"))
        #expect(error.description == "\(error.source): tls.key is missing")
    }

    @Test("that are empty are missing where they must be there")
    func empty() async throws {
        let settings = try await settings("tls: {key: \"\"}\n")
        #expect(fault { () throws(SettingsError) in _ = try settings.requiredText("tls.key") } != nil)
    }

    @Test(
        "that aren't a number of the range are an error with its place", arguments: ["x", "-1", "65536", "1.5", "0x1"])
    func numbers(value: String) async throws {
        for settings in [
            try await settings("listen: {port: \(value)}\n"), try await settings(nil, ["ASSAY_X_LISTEN_PORT": value]),
        ] {
            let error = try #require(
                fault { () throws(SettingsError) in _ = try settings.integer("listen.port", default: 7, in: 0...65535) }
            )
            #expect(error.key == "listen.port" && error.problem.contains("0 to 65535"))
        }
    }

    @Test("that are words come from a closed list")
    func word() async throws {
        let settings = try await settings("good: sha256\nbad: md5\n")
        #expect(try settings.word("good", default: Bank.sha1) == .sha256)
        let error = try #require(fault { () throws(SettingsError) in _ = try settings.word("bad", default: Bank.sha1) })
        #expect(error.problem == "is \"md5\", which is none of sha1, sha256, sha384")
    }

    @Test("that are lists are YAML's, or words between commas in the environment")
    func lists() async throws {
        let file = try await settings("flow: [sha256, sha1]\nblock:\n  - sha384\nbad: [md5]\nword: sha256\n")
        #expect(try file.words("flow", default: [Bank]()) == [.sha256, .sha1])
        #expect(try file.words("block", default: [Bank]()) == [.sha384])
        let error = try #require(fault { () throws(SettingsError) in _ = try file.words("bad", default: [Bank]()) })
        #expect(error.key == "bad" && error.problem.contains("\"md5\""))
        #expect(fault { () throws(SettingsError) in _ = try file.words("word", default: [Bank]()) } != nil)
        let environment = try await settings(nil, ["ASSAY_X_FLOW": "sha1,sha384"])
        #expect(try environment.words("flow", default: [Bank]()) == [.sha1, .sha384])
    }

    @Test("that are a list where one value is asked for are an error, never the default")
    func shapes() async throws {
        let settings = try await settings("port: [1, 2]\nbank: [sha256]\n")
        #expect(fault { () throws(SettingsError) in _ = try settings.text("port") } != nil)
        #expect(fault { () throws(SettingsError) in _ = try settings.integer("port", default: 1, in: 0...9) } != nil)
        #expect(fault { () throws(SettingsError) in _ = try settings.word("bank", default: Bank.sha1) } != nil)
    }

    @Test("in a file that isn't there, or isn't YAML, are an error that names the file")
    func unreadable() async throws {
        await #expect(throws: SettingsError.self) {
            _ = try await Settings(file: "/nonexistent/x.yaml", environmentPrefix: "ASSAY_X", environment: [:])
        }
        for yaml in ["a: [1, 2\n", "a: b: c\n", "\tx"] {
            let error = await #expect(throws: SettingsError.self) { _ = try await settings(yaml) }
            #expect(error?.key == nil && error?.description.contains(".yaml cannot be read") == true)
        }
    }
}
