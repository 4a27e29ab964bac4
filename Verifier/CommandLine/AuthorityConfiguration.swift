import Enrolment
import Messages
import Settings

/// What the verifier is told of its own authority.
struct AuthorityConfiguration: Sendable {
    let certificateFile: String
    /// Path of a PEM file, or an OpenSSL provider's URI.
    let key: String
    let invitationKeyFile: String
    let lifetimes: Issuer.Lifetimes

    /// Nil if there is none.
    init?(_ settings: Settings) throws(SettingsError) {
        guard let certificateFile = try settings.value(of: VerifierSettings.authorityCertificate) else { return nil }
        self.certificateFile = certificateFile
        key = try settings.required(VerifierSettings.authorityKey)
        invitationKeyFile = try settings.required(VerifierSettings.invitationKey)
        var lifetimes = Issuer.Lifetimes()
        lifetimes.agent = Int64(try settings.value(of: VerifierSettings.agentLifetime))
        lifetimes.server = Int64(try settings.value(of: VerifierSettings.serverLifetime))
        self.lifetimes = lifetimes
    }

    /// The authority, with its key.
    func issuer() throws(EnrolmentError) -> Issuer {
        try Issuer(certificateFile: certificateFile, key: key, lifetimes: lifetimes)
    }

    /// The key that tokens are made with.
    func invitationKey() throws(EnrolmentError) -> InvitationKey { try InvitationKey(file: invitationKeyFile) }
}
