import ArgumentParser
import Store

/// Names out of the store, for a shell that completes a command line.
extension CompletionKind {
    /// The agents' identities.
    static var agents: CompletionKind {
        .custom { words, _, prefix in
            StoredNames.read(words) { store in
                try store.agents().compactMap { try? $0.get().id.description }
            }.filter { $0.hasPrefix(prefix) }
        }
    }

    /// The policies' names.
    static var policies: CompletionKind {
        .custom { words, _, prefix in
            StoredNames.read(words) { store in try store.policyNames().map(\.name) }.filter { $0.hasPrefix(prefix) }
        }
    }
}

private enum StoredNames {
    /// Options that tell which store is meant.
    private static let options = ["--config", "--set", "--store"]

    /// Names out of the store that the command line means; none if it can't be read, for nobody is there to be told.
    static func read(_ words: [String], _ names: (Store) throws -> [String]) -> [String] {
        guard let options = try? StoreOptions.parse(arguments(words)), let store = try? options.opened(.readOnly) else {
            return []
        }
        defer { store.close() }
        return ((try? names(store)) ?? []).filter(isPlain)
    }

    /// Whether a shell takes a name as it is. A host chooses its own name, and bash expands what it is offered: a name
    /// such as `$(reboot)` would be run.
    private static func isPlain(_ name: String) -> Bool {
        !name.hasPrefix("-")
            && name.unicodeScalars.allSatisfy { character in
                switch character {
                case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-", "@", "+": true
                default: false
                }
            }
    }

    private static func arguments(_ words: [String]) -> [String] {
        zip(words, words.dropFirst()).flatMap { word, next in options.contains(word) ? [word, next] : [] }
            + words.filter { word in options.contains { word.hasPrefix($0 + "=") } }
    }
}
