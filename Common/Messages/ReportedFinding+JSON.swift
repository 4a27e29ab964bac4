import Bytes

/// A finding as scripts read it, the same wherever one is printed or kept: `reason`, `record` (null for a finding about
/// the whole log or the quote), `path` (escaped, so that it is text), `found`, `expected`, `remedy`; and
/// `"warning": true` if the policy only warns of it.
extension ReportedFinding: Codable {
    private enum Keys: CodingKey { case reason, record, path, found, expected, remedy, warning }

    package init(from decoder: any Decoder) throws {
        let object = try decoder.container(keyedBy: Keys.self)
        let path = try object.decode(String.self, forKey: .path)
        guard let bytes = unescaped(path) else {
            throw DecodingError.dataCorruptedError(forKey: .path, in: object, debugDescription: "not escaped")
        }
        self.init(
            reason: try object.decode(String.self, forKey: .reason),
            record: try object.decodeIfPresent(UInt64.self, forKey: .record), path: bytes,
            found: try object.decode(String.self, forKey: .found),
            expected: try object.decode(String.self, forKey: .expected),
            remedy: try object.decode(String.self, forKey: .remedy),
            isWarning: try object.decodeIfPresent(Bool.self, forKey: .warning) ?? false)
    }

    package func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: Keys.self)
        try object.encode(reason, forKey: .reason)
        // Null, not left out: it is no record's finding.
        try object.encode(record, forKey: .record)
        try object.encode(escaped(path), forKey: .path)
        try object.encode(found, forKey: .found)
        try object.encode(expected, forKey: .expected)
        try object.encode(remedy, forKey: .remedy)
        if isWarning { try object.encode(true, forKey: .warning) }
    }
}
