internal import Bytes

/// Everything that keeps a policy from being loaded.
package struct PolicyError: Error, Hashable, CustomStringConvertible {
    /// One fault and its place.
    package struct Fault: Hashable, Sendable, CustomStringConvertible {
        /// Where: a place in the JSON such as `digests["/bin/x"][1]`, `line 3, column 7`, or `compiled policy`.
        package let place: String
        /// What is wrong there, and what is expected.
        package let message: String

        /// A fault.
        package init(place: String, message: String) {
            self.place = place
            self.message = message
        }

        /// Place and message on one line.
        package var description: String { "\(place): \(message)" }
    }

    /// How many faults are collected.
    package static let limit = 100

    /// The faults in the order of the file, never none.
    package let faults: [Fault]

    /// Several faults.
    package init(_ faults: [Fault]) {
        self.faults = faults
    }

    /// One fault.
    package init(place: String, _ message: String) {
        self.init([Fault(place: place, message: message)])
    }

    /// One line a fault.
    package var description: String { faults.map(\.description).joined(separator: "\n") }
}

/// A name from a policy as it is shown: in quotes, escaped.
func quoted(_ name: [UInt8]) -> String {
    "\"" + escaped(name) + "\""
}
