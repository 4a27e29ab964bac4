package import AssayCrypto
import Bytes

/// An invitation in one word, from the verifier's operator to the host's: where the verifier is, by which authority it
/// is known, and a secret that the verifier will recognise.
///
/// As text it is `assayjoin1_` (what it is, and which layout follows) and base 32 of: port (2 bytes), host (a length
/// of 1 byte, UTF-8), SHA-256 of the authority's certificate (32), secret (16), and the first 4 bytes of SHA-256 over
/// the prefix and all this, so that a slip of the hand is told from a wrong token.
package struct JoinToken: Hashable, Sendable {
    /// Length of the secret in bytes.
    package static let secretSize = 16

    /// DNS name or IP address of the verifier; its certificate has it.
    package let host: String
    /// TCP port.
    package let port: UInt16
    /// SHA-256 of the authority's certificate.
    package let authority: Digest
    /// Known to the two operators and the verifier.
    package let secret: Secret

    /// Puts a token together.
    ///
    /// - Throws: ``JoinTokenError`` for a host that is none, and for a secret of another length.
    package init(host: String, port: UInt16, authority: Digest, secret: Secret) throws(JoinTokenError) {
        guard let name = HostName(host) else { throw .notAHost }
        guard secret.bytes.count == Self.secretSize, authority.count == 32 else {
            throw .malformed
        }
        self.host = name.description
        self.port = port
        self.authority = authority
        self.secret = secret
    }

    /// Reads a token as somebody copied it.
    package init(_ text: String) throws(JoinTokenError) {
        let parts = text.lowercased().split(separator: "_", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = parts.first, kind.hasPrefix(Self.kind) else { throw .notAToken }
        guard kind == Self.kind + "1" else { throw .otherVersion }
        guard parts.count == 2, parts[1].utf8.count <= 1024, let bytes = [UInt8](base32: parts[1]), bytes.count > 4,
            Self.checksum(bytes.dropLast(4)) == Array(bytes.suffix(4))
        else { throw .malformed }
        do {
            let content = Array(bytes.dropLast(4))
            var reader = ByteReader(content.span)
            let port = try reader.integer(UInt16.self)
            let host = String(validating: try reader.sized(by: UInt8.self, limit: 255), as: UTF8.self)
            let authority = Digest(try reader.array(32))
            let secret = Secret(try reader.array(Self.secretSize))
            try reader.finish()
            guard let host, let authority else { throw JoinTokenError.malformed }
            try self.init(host: host, port: port, authority: authority, secret: secret)
        } catch let error as JoinTokenError {
            throw error
        } catch {
            throw .malformed
        }
    }

    /// The token's text, which has the secret in it: for whoever asked for the token, and for no log.
    package var text: String {
        var writer = ByteWriter()
        writer.integer(port)
        writer.sized(by: UInt8.self, host.utf8)
        writer.raw(authority.bytes)
        writer.raw(secret.bytes)
        return Self.prefix + (writer.bytes + Self.checksum(writer.bytes)).base32
    }

    /// SHA-256 of the secret: what the verifier keeps, and finds the invitation by.
    package var hash: [UInt8] { Self.hash(of: secret) }

    /// SHA-256 of a secret.
    package static func hash(of secret: Secret) -> [UInt8] { PCRBank.sha256.digest(of: secret.bytes).bytes }

    private static let kind = "assayjoin"
    private static let prefix = kind + "1_"

    private static func checksum(_ content: some Sequence<UInt8>) -> [UInt8] {
        Array(PCRBank.sha256.digest(of: Array(prefix.utf8) + Array(content)).bytes.prefix(4))
    }
}

/// Why a text is no token.
package enum JoinTokenError: Error, Hashable, CustomStringConvertible {
    /// It is something else.
    case notAToken
    /// A version of Assay that this one doesn't know has made it.
    case otherVersion
    /// It was mistyped, or cut.
    case malformed
    /// What it names as the verifier can't be dialled.
    case notAHost

    package var description: String {
        switch self {
        case .notAToken:
            "this is not a token, which begins with \"assayjoin1_\"; copy the whole token that `assay-verifier invite` "
                + "printed"
        case .otherVersion:
            "the token was made by another version of Assay; install the verifier's release on this host"
        case .notAHost:
            "the verifier that the token names isn't \(HostName.form): have join.address corrected in the verifier's "
                + "configuration, and a new token made"
        case .malformed:
            "the token was mistyped or cut; copy the whole token that `assay-verifier invite` printed"
        }
    }
}
