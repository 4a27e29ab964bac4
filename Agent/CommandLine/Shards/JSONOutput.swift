import Foundation
import Terminal

/// Prints a value as one line of JSON, keys sorted.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    Output.line(String(decoding: try encoder.encode(value), as: UTF8.self))
}
