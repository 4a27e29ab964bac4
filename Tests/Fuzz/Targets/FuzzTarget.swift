/// A reader of hostile bytes, with what must hold of it whatever the bytes are.
package struct FuzzTarget: Sendable, CustomStringConvertible {
    /// By which the runner and the folder of kept cases call it.
    package let name: String
    /// Good input to begin with.
    package let seeds: @Sendable () throws -> [[UInt8]]
    /// Reads the bytes; that they are refused is fine, and no error.
    ///
    /// - Throws: ``Broken`` if something doesn't hold.
    package let check: @Sendable ([UInt8]) throws -> Void

    package var description: String { name }

    /// Every target.
    package static let all: [FuzzTarget] =
        logs + [signatureBlob, certificate, attest, publicArea] + policies

    /// The target of a name.
    package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// A property that doesn't hold.
package struct Broken: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// States a property.
func require(_ holds: Bool, _ property: @autoclosure () -> String) throws(Broken) {
    guard holds else { throw Broken(property()) }
}
