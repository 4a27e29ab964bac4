import FoundationEssentials

/// A value for scripts: JSON on one line, keys in snake case and in order, so that equal values are equal lines.
///
/// Text must be escaped before it comes here wherever a host chose it.
package func jsonLine(_ value: some Encodable) throws(CommandFailure) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    do {
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
        throw .unavailable(error)
    }
}
