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
        guard let certificateFile = try settings.text("ca.certificate") else { return nil }
        self.certificateFile = certificateFile
        key = try settings.requiredText("ca.key")
        invitationKeyFile = try settings.requiredText("ca.invitation_key")
        var lifetimes = Issuer.Lifetimes()
        let range = 3600...315_360_000
        lifetimes.agent = Int64(
            try settings.integer("ca.agent_lifetime", default: Int(lifetimes.agent), in: range))
        lifetimes.server = Int64(
            try settings.integer("ca.server_lifetime", default: Int(lifetimes.server), in: range))
        self.lifetimes = lifetimes
    }

    /// The authority, with its key.
    func issuer() throws(EnrolmentError) -> Issuer {
        try Issuer(certificateFile: certificateFile, key: key, lifetimes: lifetimes)
    }

    /// The key that tokens are made with.
    func invitationKey() throws(EnrolmentError) -> InvitationKey { try InvitationKey(file: invitationKeyFile) }
}
