import AssayCrypto

/// What the store knows of a claim to join, in one snapshot.
struct JoinBasis {
    let invitation: Invitation?
    /// Whether the invitation's policy is there, if it names one.
    var hasPolicy = false
    /// Who holds the identity that the claim comes to, if anybody does.
    var agent: Agent?
    /// What that agent joined with; nil for one that was enrolled by hand.
    var identity: AgentIdentity?
    /// Another agent that is enrolled with the claim's attestation key.
    var keyHolder: AgentID?

    init(invitation: Invitation?) {
        self.invitation = invitation
    }

    /// Judges a claim.
    ///
    /// What makes two TPMs one is their endorsement key alone, which the credential proves: an attestation key's public
    /// half is known to many, and whoever makes an endorsement key in software opens a credential for any of them.
    func decide(_ claim: JoinClaim) -> JoinDecision {
        guard let invitation else { return .refused(.unknownToken) }
        guard let id = invitation.agentID(for: claim.endorsementKeyName, wishing: claim.wishedID) else {
            return .refused(.noIdentity)
        }
        let hasJoined = invitation.use(by: claim.endorsementKeyName) != nil
        if let agent {
            guard agent.revokedAt == nil else { return .refused(.revoked(id)) }
            guard let identity else { return .refused(.enrolledByHand(id)) }
            guard identity.endorsementKeyName == claim.endorsementKeyName else { return .refused(.otherTPM(id)) }
            if hasJoined, agent.attestationKeyName == claim.attestationKeyName,
                let certificate = identity.certificate(for: claim.tlsKeyFingerprint)
            {
                return .repeated(id, certificate: certificate)
            }
        }
        guard claim.time < invitation.expiresAt else { return .refused(.expired) }
        guard hasJoined || invitation.usesLeft > 0 else { return .refused(.usedUp) }
        if let keyHolder { return .refused(.attestationKeyTaken(by: keyHolder)) }
        if let name = invitation.policyName, !hasPolicy { return .refused(.noPolicy(name)) }
        return .admitted(id)
    }

    /// The policy that judges whoever joins, and what is told of it. An agent that is enrolled keeps its own, unless the
    /// invitation is to that very agent.
    func policy(under invitation: Invitation) -> (name: String?, event: Event.Kind?) {
        guard let agent else { return (invitation.policyName, nil) }
        guard let invited = invitation.policyName, invited != agent.policyName else { return (agent.policyName, nil) }
        guard invitation.agent == agent.id else { return (agent.policyName, .invitationPolicyNotTaken(invited)) }
        return (invited, .invitationPolicyTaken(from: agent.policyName, to: invited))
    }
}

extension Invitation {
    /// The identity that a host comes to: what it came to before, what the invitation says, what the host would like.
    ///
    /// - Parameters:
    ///   - endorsementKeyName: of the key that came; empty for none.
    ///   - wished: may be empty, may be nonsense.
    func agentID(for endorsementKeyName: [UInt8], wishing wished: [UInt8]) -> AgentID? {
        if let id = use(by: endorsementKeyName)?.agent ?? agent { return id }
        let isNameable = wished.allSatisfy { (0x21...0x7e).contains($0) }
        return isNameable ? try? AgentID(wished) : nil
    }

    func use(by endorsementKeyName: [UInt8]) -> Use? {
        uses.first { $0.endorsementKeyName == endorsementKeyName }
    }
}
