package import AssayCrypto
package import Files
import Messages
package import Store

/// What tokens' secrets are made of, together with a seed that the store keeps. It is in a file of its own, so that a
/// copy of the store is worth nothing to who would like to join.
package struct InvitationKey: Sendable {
    private static let size = 32
    private let key: Secret

    /// A new key.
    package init() throws(CryptoError) {
        key = Secret(try randomBytes(Self.size))
    }

    /// Reads a key's file.
    package init(file path: String) throws(EnrolmentError) {
        let found: [UInt8]?
        do throws(FileError) {
            found = try contents(ofFile: path, limit: Self.size)
        } catch {
            throw EnrolmentError(error)
        }
        guard let found else { throw EnrolmentError(.keyUnusable, "there is no invitation key at \(path)") }
        guard found.count == Self.size else {
            throw EnrolmentError(.keyUnusable, "\(path) is not an invitation key: it has not \(Self.size) bytes")
        }
        key = Secret(found)
    }

    /// Writes the key's file, for its owner alone.
    package func write(to path: String) throws(FileError) {
        try replaceFile(at: path, with: key.bytes, mode: 0o600)
    }

    /// Makes an invitation, and the secret of its token.
    ///
    /// - Parameters:
    ///   - seconds: how long it lasts.
    ///   - time: seconds since 1970.
    package func invite(
        _ agent: AgentID?, policy: String?, uses: UInt32, seconds: Int64, at time: Int64
    ) throws(CryptoError) -> (invitation: Invitation, secret: Secret) {
        let seed = try randomBytes(16)
        let secret = try secret(of: seed)
        let invitation = Invitation(
            tokenHash: PCRBank.sha256.digest(of: secret.bytes), seed: seed, agent: agent, policyName: policy,
            createdAt: time, expiresAt: time + seconds, uses: uses)
        return (invitation, secret)
    }

    /// The secret of an invitation; nil if it was made with another key.
    package func secret(of invitation: Invitation) throws(CryptoError) -> Secret? {
        let secret = try secret(of: invitation.seed)
        return PCRBank.sha256.digest(of: secret.bytes) == invitation.tokenHash ? secret : nil
    }

    private func secret(of seed: [UInt8]) throws(CryptoError) -> Secret {
        let code = try HashAlgorithm.sha256.authenticationCode(key: key.bytes, Array("assay invitation v1".utf8) + seed)
        return Secret(Array(code.bytes.prefix(JoinToken.secretSize)))
    }
}
