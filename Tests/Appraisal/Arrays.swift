@testable import Appraisal

/// The same look-ups over arrays: a span can't pass through an expectation.
extension Policy {
    func file(_ path: String, _ digest: [UInt8]) -> DigestTable.Listing { file(Array(path.utf8), digest) }

    func file(_ path: [UInt8], _ digest: [UInt8]) -> DigestTable.Listing { file(path.span, digest.span) }

    func key(_ keyring: String, _ digest: [UInt8]) -> DigestTable.Listing {
        key(Array(keyring.utf8).span, digest.span)
    }

    func buffer(_ name: String, _ digest: [UInt8]) -> DigestTable.Listing {
        buffer(Array(name.utf8).span, digest.span)
    }

    func violationAction(_ path: String) -> PolicyAction { violationAction(Array(path.utf8).span) }

    func expected(_ path: String) -> [String] { tables.expected(.paths, Array(path.utf8).span) }
}

extension Excludes {
    func contains(_ path: String) -> Bool { contains(Array(path.utf8)) }

    func contains(_ path: [UInt8]) -> Bool { contains(path.span, RegexMatcher()) }
}

extension Glob {
    func matches(_ path: String) -> Bool { matches(Array(path.utf8).span) }
}
