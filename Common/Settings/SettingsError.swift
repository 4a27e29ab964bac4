/// A configuration that can't be used: every fault in it, with its place.
package struct SettingsError: Error, Hashable, CustomStringConvertible {
    /// One of them.
    package struct Fault: Hashable, Sendable, CustomStringConvertible {
        /// The file and its line, the environment variable, or the flag.
        package let place: String
        /// Nil if the whole file is meant.
        package let key: String?
        /// What is wrong with it, and what to do.
        package let problem: String

        package init(place: String, key: String?, problem: String) {
            self.place = place
            self.key = key
            self.problem = problem
        }

        /// There is no file, and nothing else configures the program.
        static func absent(_ file: String, _ schema: SettingsSchema) -> Fault {
            Fault(
                place: "no configuration:", key: nil,
                problem: "run `\(schema.maker)`, or name the file with --config (\(file) isn't there)")
        }

        /// The file has nothing of what must be given.
        static func bare(_ file: String, _ keys: [String], _ schema: SettingsSchema) -> Fault {
            Fault(
                place: "no configuration:", key: nil,
                problem: "run `\(schema.maker)`, or set \(keys.joined(separator: ", ")) (\(file) has none of them)")
        }

        package var description: String {
            key.map { "\(place): \($0) \(problem)" } ?? "\(place) \(problem)"
        }
    }

    /// In the order of the file, then the environment, then the flags; never empty.
    package let faults: [Fault]

    /// Several faults at once.
    package init(_ faults: [Fault]) {
        self.faults = faults
    }

    /// A single fault.
    init(_ fault: Fault) {
        self.init([fault])
    }

    /// One fault a line.
    package var description: String { faults.map(\.description).joined(separator: "\n") }
}
