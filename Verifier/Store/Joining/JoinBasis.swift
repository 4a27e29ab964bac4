import AssayCrypto

/// What the store knows of a claim to join, in one snapshot.
struct JoinBasis {
    let invitation: Invitation?
    /// Whether the invitation's policy is there, if it names one.
    let hasPolicy: Bool
    /// Who holds the identity that the claim comes to, if anybody does.
    let agent: Agent?
    let identity: AgentIdentity?

    /// The identity that a claim comes to: what it came to before, what the invitation says, what the host would like.
    static func agentID(of claim: JoinClaim, _ invitation: Invitation) -> AgentID? {
        if let id = use(of: claim, invitation)?.agent ?? invitation.agent { return id }
        let isNameable = claim.wishedID.allSatisfy { (0x21...0x7e).contains($0) }
        return isNameable ? try? AgentID(claim.wishedID) : nil
    }

    private static func use(of claim: JoinClaim, _ invitation: Invitation) -> Invitation.Use? {
        invitation.uses.first { $0.endorsementKeyName == claim.endorsementKeyName }
    }

    /// Judges a claim.
    func decide(_ claim: JoinClaim) -> JoinDecision {
        guard let invitation else { return .refused(.unknownToken) }
        guard let id = Self.agentID(of: claim, invitation) else { return .refused(.noIdentity) }
        let hasJoined = Self.use(of: claim, invitation) != nil
        if let agent {
            guard agent.revokedAt == nil else { return .refused(.revoked(id)) }
            let isSameTPM =
                identity?.endorsementKeyName == claim.endorsementKeyName
                || agent.attestationKeyName == claim.attestationKeyName
            guard isSameTPM else { return .refused(.otherTPM(id)) }
            if hasJoined, agent.attestationKeyName == claim.attestationKeyName,
                let certificate = identity?.certificate(for: claim.tlsKeyFingerprint, at: claim.time)
            {
                return .repeated(id, certificate: certificate)
            }
        }
        guard Age(of: invitation.createdAt, at: claim.time) != .inTheFuture else { return .refused(.madeInTheFuture) }
        guard claim.time < invitation.expiresAt else { return .refused(.expired) }
        guard hasJoined || invitation.usesLeft > 0 else { return .refused(.usedUp) }
        if let name = invitation.policyName, !hasPolicy { return .refused(.noPolicy(name)) }
        return .admitted(id)
    }
}
