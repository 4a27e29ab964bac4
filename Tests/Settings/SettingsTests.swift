import Bytes
import Foundation
import Settings
import Testing

@Suite("Settings") struct SettingsTests {
    private enum Bank: String, CaseIterable {
        case sha1, sha256, sha384
    }

    private static let host = Setting.requiredText("verifier.host", unit: "DNS name", "where to dial")
    private static let port = Setting.integer("verifier.port", default: 7443, in: 0...65535, unit: "TCP port", "where")
    private static let name = Setting.optionalText("verifier.name", absence: "`verifier.host`", "another name")
    private static let folder = Setting.text("store", default: "/var", unit: "folder", "what is kept")
    private static let bank = Setting.word("tpm.bank", default: Bank.sha384, "the bank")
    private static let banks = Setting.words("tpm.max_banks", default: [Bank.sha1, .sha256], "some banks")
    private static let trim = Setting.boolean("trim", default: false, "whether")
    private static let schema = SettingsSchema(
        defaultFile: "/nonexistent/x.yaml", environmentPrefix: "ASSAY_X_", maker: "x init",
        [
            host.declaration, port.declaration, name.declaration, folder.declaration, bank.declaration,
            banks.declaration, trim.declaration,
        ])

    /// Settings out of a file, an environment and flags; the file is gone when they were read.
    private func settings(
        _ yaml: String?, _ environment: [String: String] = [:], flags: [String] = []
    ) throws -> Settings {
        guard let yaml else { return try Settings(Self.schema, file: nil, flags: flags, environment: environment) }
        let file = FileManager.default.temporaryDirectory.appending(path: "assay-settings-\(UUID().uuidString).yaml")
        try Data(yaml.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try Settings(Self.schema, file: file.path, flags: flags, environment: environment)
    }

    /// What is wrong with a configuration: the end of the place, the key, the problem.
    private func faults(
        _ yaml: String?, _ environment: [String: String] = [:], flags: [String] = []
    ) throws -> [SettingsError.Fault] {
        do {
            _ = try settings(yaml, environment, flags: flags)
            return []
        } catch let error as SettingsError { return error.faults }
    }

    @Test("that can hold a secret are shown without it, and read with it") func secrets() throws {
        let hook = Setting.optionalText("hook", absence: "none", "whom to call") { String($0.prefix(3)) + "…" }
        let schema = SettingsSchema(
            defaultFile: "/nonexistent/x.yaml", environmentPrefix: "ASSAY_X_", maker: "x init", [hook.declaration])
        let given = try Settings(schema, file: nil, flags: ["hook=abcdef"], environment: [:])
        #expect(given.effective.map(\.value) == ["abc…"])
        #expect(try given.value(of: hook) == "abcdef")
        let absent = try Settings(schema, file: nil, flags: [], environment: [:])
        #expect(absent.effective.map(\.value) == ["-"])
    }

    @Test("come from the file, from the environment over it, and from flags over both") func precedence() throws {
        let yaml = "verifier:\n  host: file\n  port: 1\n  name: file\n"
        let variables = ["ASSAY_X_VERIFIER_HOST": "variable", "ASSAY_X_VERIFIER_PORT": "2", "VERIFIER_NAME": "x"]
        let all = try settings(yaml, variables, flags: ["verifier.host=flag", "verifier.host=last flag"])
        #expect(try all.value(of: Self.host) == "last flag")
        #expect(try all.value(of: Self.port) == 2)
        #expect(try all.value(of: Self.name) == "file")
        #expect(try all.value(of: Self.folder) == "/var")
        let origins = Dictionary(uniqueKeysWithValues: all.effective.map { ($0.setting, $0.from) })
        #expect(origins["verifier.host"] == "--set")
        #expect(origins["verifier.port"] == "environment variable ASSAY_X_VERIFIER_PORT")
        #expect(origins["verifier.name"]?.hasSuffix(".yaml:4") == true)
        #expect(origins["store"] == "default")
    }

    @Test("that are left out take their default, unless they must be given") func defaults() throws {
        for yaml in [nil, "", "# nothing\n", "verifier:\n  # host: x\n"] {
            let settings = try settings(yaml)
            #expect(try settings.value(of: Self.name) == nil)
            #expect(try settings.value(of: Self.bank) == .sha384)
            #expect(try settings.value(of: Self.banks) == [.sha1, .sha256])
            #expect(try !settings.value(of: Self.trim))
            #expect(throws: SettingsError.self) { try settings.value(of: Self.host) }
            let missing = #expect(throws: SettingsError.self) { try settings.value(of: Self.host) }
            #expect(missing?.faults.map(\.key) == ["verifier.host"])
            #expect(missing?.description.contains("ASSAY_X_VERIFIER_HOST") == true)
        }
    }

    @Test("of which none is given that must be are no configuration: one line, and the command that makes one")
    func absence() throws {
        for (yaml, reason) in [(nil, "/nonexistent/x.yaml isn't there"), ("store: /x\n", ".yaml has none of them")] {
            let settings = try settings(yaml)
            let error = try #require(#expect(throws: SettingsError.self) { try settings.requireAll() })
            #expect(error.description.hasPrefix("no configuration: run `x init`, or ") && error.faults.count == 1)
            #expect(error.description.contains(reason), "\(error)")
        }
        let named = #expect(throws: SettingsError.self) {
            try Settings(Self.schema, file: "/nonexistent/y.yaml", environment: [:])
        }
        #expect(named?.description.contains("run `x init`") == true && named?.faults.count == 1)
        // One of them is enough to be told of the others.
        let port = Setting.requiredText("verifier.path", "where")
        let two = SettingsSchema(
            defaultFile: "/nonexistent/x.yaml", environmentPrefix: "ASSAY_X_", maker: "x init",
            [Self.host.declaration, port.declaration])
        let partial = try Settings(two, file: nil, flags: ["verifier.host=v"], environment: [:])
        let error = #expect(throws: SettingsError.self) { try partial.requireAll() }
        #expect(error?.faults.map(\.key) == ["verifier.path"])
    }

    @Test("that nobody declared are an error with file, line and key, and the key that was meant") func unknown() throws
    {
        let found = try faults("verifier:\n  host: a\n  prot: 1\nnonsense: {deep: {deeper: 1}}\n")
        #expect(found.map(\.key) == ["verifier.prot", "nonsense.deep.deeper"])
        #expect(found[0].place.hasSuffix(".yaml:3") && found[1].place.hasSuffix(".yaml:4"))
        #expect(found[0].problem == "is unknown; is verifier.port meant?")
        #expect(found[1].problem.contains("configuration.md"))
    }

    @Test("in variables with the prefix must be known, too") func unknownVariable() throws {
        let found = try faults(nil, ["ASSAY_X_VERIFIER_PROT": "1", "ASSAY_Y_Z": "1", "ASSAY_X_": "1"])
        #expect(
            found.map(\.place) == ["environment variable ASSAY_X_", "environment variable ASSAY_X_VERIFIER_PROT"])
    }

    @Test("in flags must be known, and be KEY=VALUE") func flags() throws {
        let found = try faults(nil, flags: ["verifier.prot=1", "store", "verifier.port=x", "tpm.max_banks=sha1,md5"])
        #expect(found.map(\.key) == ["verifier.prot", nil, "verifier.port", "tpm.max_banks"])
        #expect(found.allSatisfy { $0.place == "--set" })
        #expect(try settings(nil, flags: ["store=a=b"]).value(of: Self.folder) == "a=b")
    }

    @Test(
        "that aren't a number of the range are an error with its place",
        arguments: ["x", "-1", "65536", "1.5", "0x1", "99999999999999999999"])
    func numbers(value: String) throws {
        let inFile = try faults("verifier: {port: \(value)}\n")
        let inEnvironment = try faults(nil, ["ASSAY_X_VERIFIER_PORT": value])
        for found in [inFile, inEnvironment] {
            #expect(found.map(\.key) == ["verifier.port"])
            #expect(found.first?.problem == "is \"\(value)\", not a whole number from 0 to 65535")
        }
        #expect(inFile.first?.place.hasSuffix(".yaml:1") == true)
    }

    @Test("that are words come from a closed list") func words() throws {
        #expect(try settings("tpm: {bank: sha256}\n").value(of: Self.bank) == .sha256)
        #expect(try faults("tpm: {bank: md5}\n").first?.problem == "is \"md5\", which is none of sha1, sha256, sha384")
        #expect(try settings("trim: true\n").value(of: Self.trim))
        #expect(try faults("trim: yes\n").first?.key == "trim")
    }

    @Test("that are lists are YAML's, or words between commas elsewhere") func lists() throws {
        #expect(try settings("tpm: {max_banks: [sha256, sha1]}\n").value(of: Self.banks) == [.sha256, .sha1])
        #expect(try settings("tpm:\n  max_banks:\n  - sha384\n").value(of: Self.banks) == [.sha384])
        #expect(
            try settings(nil, ["ASSAY_X_TPM_MAX_BANKS": "sha1, sha384"]).value(of: Self.banks) == [.sha1, .sha384])
        #expect(try settings(nil, flags: ["tpm.max_banks=sha384"]).value(of: Self.banks) == [.sha384])
        for yaml in ["[md5]", "[]", "sha1", "[[sha1]]", "{a: b}", "", "\"\""] {
            #expect(try !faults("tpm:\n  max_banks: \(yaml)\n").isEmpty, "\(yaml)")
        }
    }

    @Test(
        "of another shape are an error, never the default",
        arguments: ["store: {a: b}", "store: [a]", "store:", "store: ~", "store: \"\"", "verifier: x", "verifier: [x]"])
    func shapes(yaml: String) throws {
        let found = try faults(yaml + "\n")
        #expect(found.count == 1)
        #expect(found.first?.place.hasSuffix(".yaml:1") == true)
    }

    @Test("are checked even where something stronger overrides them, all at once") func everyFault() throws {
        let found = try faults(
            "verifier: {port: x}\nstor: y\n", ["ASSAY_X_VERIFIER_PORT": "1", "ASSAY_X_TRIM": "2"])
        #expect(found.map(\.key) == ["verifier.port", "stor", "trim"])
    }

    @Test("in a file that isn't there, or isn't YAML, are an error that names the file") func unreadable() throws {
        let missing = #expect(throws: SettingsError.self) {
            _ = try Settings(Self.schema, file: "/nonexistent/y.yaml", environment: [:])
        }
        #expect(missing?.description.contains("/nonexistent/y.yaml isn't there") == true)
        let folder = #expect(throws: SettingsError.self) {
            _ = try Settings(Self.schema, file: "/dev", environment: [:])
        }
        #expect(folder?.description.hasPrefix("/dev cannot be read: Is a directory; name a file in it") == true)
        let faulty = [
            ("# x\na: [1, 2\n", 2), ("a: b: c\n", 1), ("\n\tx", 2), ("- a\n", 1), ("text\n", 1),
            ("store: a\nstore: b\n", 2), ("trim: true\nstore: \u{1}\n", 2), ("trim: true\nstore: \"a\n\n", 2),
            ("store: a\n---\nstore: a\n", 2), ("store: &a b\ntrim: *a\n", 2), ("store: &a [*a]\n", 1),
            ("store: " + String(repeating: "[", count: 100_000), 1),
            ("store: " + String(repeating: "{a: ", count: 500) + "\n", 1),
        ]
        for (yaml, line) in faulty {
            let found = try faults(yaml)
            #expect(found.count == 1 && found.first?.place.hasSuffix(".yaml:\(line)") == true, "\(yaml): \(found)")
        }
    }

    @Test("are texts as YAML writes them: bare, quoted, folded, behind a byte-order mark") func texts() throws {
        let written = [
            "a b", "'a b'", "\"a b\"", ">-\n  a\n  b", "|-\n  a b", "\n  a\n  b", "\"a\\x20b\"", "!!str a b",
            "&x a b # y",
            "a b\r",
        ]
        for text in written {
            #expect(try settings("store: \(text)\n").value(of: Self.folder) == "a b", "\(text)")
            #expect(try settings("\u{feff}store: \(text)\n...\n").value(of: Self.folder) == "a b", "\(text)")
        }
        for text in ["'~'", "\"null\"", "'true'", "08", "ü\\n", "é"] {
            let bare = text.filter { $0 != "'" && $0 != "\"" }
            #expect(try settings("store: \(text)\n").value(of: Self.folder) == bare)
        }
    }

    @Test("that a file has can be written into another, whatever is stronger; nothing else can") func inFile() throws {
        let yaml = "verifier: {name: \"a \\\\ \\\" \\n ü #\", port: 1}\ntrim: true\ntpm: {max_banks: [sha384, sha1]}\n"
        let read = try settings(yaml, ["ASSAY_X_VERIFIER_PORT": "2", "ASSAY_X_STORE": "/x"], flags: ["trim=false"])
        #expect(
            read.inFile == [
                "verifier.name": #""a \\ \" \x0a ü #""#, "verifier.port": "1", "trim": "true",
                "tpm.max_banks": "[sha384, sha1]",
            ])
        let again = try settings(Self.schema.example(read.inFile))
        #expect(try again.value(of: Self.name) == "a \\ \" \n ü #")
        #expect(again.inFile == read.inFile)
        #expect(try settings(nil, ["ASSAY_X_STORE": "/x"], flags: ["trim=true"]).inFile.isEmpty)
    }

    @Test("are told by a table and an example that can be read back") func reference() throws {
        #expect(
            Self.schema.table.dropFirst(2) == [
                "| `verifier.host` | DNS name | required | any | where to dial |",
                "| `verifier.port` | TCP port | `7443` | 0 to 65535 | where |",
                "| `verifier.name` |  | `verifier.host` | any | another name |",
                "| `store` | folder | `/var` | any | what is kept |",
                "| `tpm.bank` |  | `sha384` | `sha1`, `sha256`, `sha384` | the bank |",
                "| `tpm.max_banks` |  | `[sha1, sha256]` | list of `sha1`, `sha256`, `sha384` | some banks |",
                "| `trim` |  | `false` | `true`, `false` | whether |",
            ])
        let example = Self.schema.example(["verifier.host": "v.example", "trim": "true"])
        let read = try settings(example)
        #expect(try read.value(of: Self.host) == "v.example")
        #expect(try read.value(of: Self.trim))
        let uncommented = example.replacing("#port", with: "port").replacing("#max_banks", with: "max_banks")
        #expect(try settings(uncommented).value(of: Self.banks) == [.sha1, .sha256])
    }

    private static let hosts = SettingsSchema(
        defaultFile: "/nonexistent/x.yaml", environmentPrefix: "ASSAY_X_", maker: "x init",
        [listenHost.declaration, dialledHost.declaration, otherHost.declaration, address.declaration])
    private static let listenHost = Setting.host("listen.host", default: .loopback, unit: "address", "where")
    private static let dialledHost = Setting.requiredHost("verifier.host", unit: "DNS name", "where to dial")
    private static let otherHost = Setting.optionalHost("verifier.name", absence: "none", unit: "DNS name", "a name")
    private static let address = Setting.optionalHostAndPort(
        "join.address", absence: "none", unit: "HOST:PORT", "a place")

    @Test("that name hosts take names and addresses, brackets around IPv6 too, and nothing else") func hosts() throws {
        let given = ["listen.host=[::]", "verifier.host=v.example", "verifier.name=192.0.2.1", "join.address=[::1]:1"]
        let settings = try Settings(Self.hosts, file: nil, flags: given, environment: [:])
        #expect(try settings.value(of: Self.listenHost).description == "::")
        #expect(try settings.value(of: Self.dialledHost).description == "v.example")
        #expect(try settings.value(of: Self.otherHost)?.description == "192.0.2.1")
        #expect(try settings.required(Self.address).description == "[::1]:1")
        let bare = try Settings(Self.hosts, file: nil, environment: [:])
        #expect(try bare.value(of: Self.listenHost) == .loopback && bare.value(of: Self.address) == nil)
        #expect(throws: SettingsError.self) { try bare.value(of: Self.dialledHost) }
        let wrong = [
            "listen.host=[::1]:80", "verifier.host=https://v.example", "verifier.name=10.0.0.256",
            "join.address=[[::1]]:7443",
        ]
        let error = try #require(throws: SettingsError.self) {
            try Settings(Self.hosts, file: nil, flags: wrong, environment: [:])
        }
        #expect(error.faults.map(\.key) == ["listen.host", "verifier.host", "verifier.name", "join.address"])
        #expect(error.faults.prefix(3).allSatisfy { $0.problem.hasSuffix("not \(HostName.form)") })
        #expect(error.faults[3].problem == "is \"[[::1]]:7443\", not \(HostAndPort.form)")
    }
}
