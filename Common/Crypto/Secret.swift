/// Bytes that are nobody else's: a key, a token's secret, a credential's. Whatever prints the value, or a value that has
/// it within, shows `<secret>`: a log at any level, an error, a debugger's `dump`. Only ``bytes`` gives them out.
package struct Secret: Sendable {
    /// The bytes themselves: never to be printed.
    package let bytes: [UInt8]

    /// Takes bytes into keeping.
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: Hashable {
    /// Compares in constant time; the lengths aren't secret.
    package static func == (left: Secret, right: Secret) -> Bool { constantTimeEqual(left.bytes, right.bytes) }

    package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}
