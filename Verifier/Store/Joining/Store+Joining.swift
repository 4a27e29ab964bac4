package import AssayCrypto
import Bytes

// How agents come to be enrolled by invitation.
extension Store {
    /// What agents' identities rest on; the operator's own PKI unless `init` wrote another mode.
    package func identityMode() throws(StoreError) -> IdentityMode {
        try environment.read { (transaction) throws(StoreError) in
            guard let bytes = try transaction.bytes(of: Schema.MetaKey.identityMode, in: schema.meta) else {
                return .ownPKI
            }
            guard let mode = IdentityMode(rawValue: String(decoding: bytes, as: UTF8.self)) else {
                throw StoreError(.damaged, "an unknown identity mode", at: .init(database: schema.meta.name))
            }
            return mode
        }
    }

    /// Writes what agents' identities rest on.
    package func setIdentityMode(_ mode: IdentityMode) async throws(StoreError) {
        try await change { (schema, _, changes) throws(StoreError) in
            changes.put(Schema.MetaKey.identityMode, Array(mode.rawValue.utf8), in: schema.meta)
        }
    }

    /// Keeps an invitation, and forgets those that ended a week before it was made. Its policy is that of earlier ones to
    /// the same agent, too: a host that holds several has no choice.
    ///
    /// - Throws: `notFound` if the policy that it names doesn't exist.
    package func invite(_ invitation: Invitation) async throws(StoreError) {
        try await change { (schema, transaction, changes) throws(StoreError) in
            if let name = invitation.policyName { try schema.requirePolicy(name, transaction) }
            if let id = invitation.agent, let name = invitation.policyName {
                try schema.setPolicy(name, ofInvitationsTo: id, transaction, &changes)
            }
            for old in try schema.invitations(transaction) where old.expiresAt < invitation.createdAt - 604_800 {
                changes.delete(old.tokenHash.bytes, in: schema.invitations)
            }
            changes.put(invitation.tokenHash.bytes, invitation.stored, in: schema.invitations)
        }
    }

    /// The invitation of a token; nil if there is none.
    package func invitation(_ tokenHash: Digest) throws(StoreError) -> Invitation? {
        try environment.read { (transaction) throws(StoreError) in
            try transaction.load(key: tokenHash.bytes, in: schema.invitations)
        }
    }

    /// What an agent joined with; nil for one that was enrolled by hand.
    package func identity(of id: AgentID) throws(StoreError) -> AgentIdentity? {
        try environment.read { (transaction) throws(StoreError) in
            try transaction.load(of: id, in: schema.identities)
        }
    }

    /// What would become of a claim now.
    package func decide(_ claim: JoinClaim) throws(StoreError) -> JoinDecision {
        try environment.read { (transaction) throws(StoreError) in
            try schema.joinBasis(of: claim, transaction).decide(claim)
        }
    }

    /// Enrols an agent on its claim, if nothing has changed that forbids it.
    ///
    /// One that had joined keeps all that is known of it, whatever key it attests with from now on: history, verdict and
    /// findings, the TPM's clock, its policy unless the invitation names it. What its new attestation key can't go on
    /// from (scratch, positions) goes. The last state stays, and is what the next round is compared with: it is of
    /// another key, so that round begins at record 0; a clock that went back, or a key that was denied, is still seen.
    /// - Parameters:
    ///   - id: whom the certificate names.
    ///   - certificate: X.509 DER, issued for the claim's TLS key.
    /// - Returns: `.admitted` if the certificate counts now; `.repeated` with the one that counts instead.
    package func join(
        _ claim: JoinClaim, as id: AgentID, certificate: [UInt8]
    ) async throws(StoreError) -> JoinDecision {
        let schema = schema
        return try await changing { (transaction, changes) throws(StoreError) in
            let basis = try schema.joinBasis(of: claim, transaction)
            let decision = basis.decide(claim)
            guard decision == .admitted(id), var invitation = basis.invitation else { return decision }
            if invitation.use(by: claim.endorsementKeyName) == nil {
                invitation.usesLeft -= min(1, invitation.usesLeft)
                invitation.uses.append(.init(endorsementKeyName: claim.endorsementKeyName, agent: id))
                changes.put(invitation.tokenHash.bytes, invitation.stored, in: schema.invitations)
            }
            let policy = basis.policy(under: invitation)
            let agent = Agent(
                id: id, attestationKeyPublic: claim.attestationKeyPublic,
                attestationKeyName: claim.attestationKeyName, enrolledAt: basis.agent?.enrolledAt ?? claim.time,
                policyName: policy.name)
            try schema.enter(agent, inPlaceOf: basis.agent, transaction, &changes)
            var events: [Event.Kind] = [.joined]
            if let former = basis.agent, former.attestationKeyName != agent.attestationKeyName {
                try schema.drop(id, from: [schema.scratch, schema.positions], transaction, &changes)
                events.append(
                    .attestationKeyReplaced(from: former.attestationKeyName, to: agent.attestationKeyName))
            }
            if let event = policy.event { events.append(event) }
            try schema.record(events, of: id, at: claim.time, transaction, &changes)
            changes.put(
                id.key, AgentIdentity(claim, after: basis.identity, certificate: certificate).stored,
                in: schema.identities)
            return decision
        }
    }

    /// Other agents whose ids are the same as this one but for the case of letters: people mistake one for the other.
    package func agentsDifferingInCase(from id: AgentID) throws(StoreError) -> [AgentID] {
        try environment.read { (transaction) throws(StoreError) in
            var found: [AgentID] = []
            try transaction.scan(schema.agents, prefix: []) { (key, _) throws(StoreError) in
                // A key is the id and a zero byte. Nearly all have another length.
                guard key.count == id.bytes.count + 1 else { return true }
                let other = try AgentID([UInt8](copying: key).dropLast())
                if other.differsInCase(from: id) { found.append(other) }
                return true
            }
            return found
        }
    }

    /// Adds a certificate that an agent renewed. Of those that it has, the oldest go, but never the one that it is
    /// connected with: however often an agent renews, its connection stays welcome.
    ///
    /// - Parameter current: the certificate of the connection, X.509 DER.
    /// - Throws: `notFound` for an agent that hasn't joined, or not any more.
    package func addCertificate(
        _ certificate: [UInt8], of id: AgentID, keeping current: [UInt8]
    ) async throws(StoreError) {
        let schema = schema
        try await writer.perform { (transaction, changes) throws(StoreError) in
            guard try schema.agent(id, transaction).revokedAt == nil,
                var identity = try transaction.load(AgentIdentity.self, of: id, in: schema.identities)
            else { throw StoreError(.notFound, "the agent hasn't joined, or is revoked", at: .init(agent: id.bytes)) }
            identity.add(certificate, keeping: current)
            changes.put(id.key, identity.stored, in: schema.identities)
        }
    }
}

extension Schema {
    fileprivate func joinBasis(
        of claim: JoinClaim, _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> JoinBasis {
        var basis = JoinBasis(invitation: try transaction.load(key: claim.tokenHash.bytes, in: invitations))
        guard let invitation = basis.invitation else { return basis }
        if let name = invitation.policyName {
            basis.hasPolicy = try transaction.bytes(of: PolicyName.key(name), in: policyNames) != nil
        }
        guard let id = invitation.agentID(for: claim.endorsementKeyName, wishing: claim.wishedID) else { return basis }
        basis.agent = try transaction.load(of: id, in: agents)
        basis.identity = try transaction.load(of: id, in: identities)
        if basis.agent?.attestationKeyName != claim.attestationKeyName {
            basis.keyHolder = try holder(ofAttestationKey: claim.attestationKeyName, besides: id, transaction)
        }
        return basis
    }

    /// Those that can be read: a damaged one must not keep an agent from being removed.
    fileprivate func invitations(
        _ transaction: borrowing some Transaction & ~Copyable
    ) throws(StoreError) -> [Invitation] {
        var found: [Invitation] = []
        try transaction.scan(invitations, prefix: []) { (_, value) throws(StoreError) in
            if let invitation = try? Invitation(stored: value, at: .init(database: invitations.name)) {
                found.append(invitation)
            }
            return true
        }
        return found
    }

    /// Has all invitations that name an agent bring one policy; nil for none.
    func setPolicy(
        _ name: String?, ofInvitationsTo id: AgentID, _ transaction: borrowing WriteTransaction,
        _ changes: inout Changes
    ) throws(StoreError) {
        for var invitation in try invitations(transaction) where invitation.agent == id && invitation.policyName != name
        {
            invitation.policyName = name
            changes.put(invitation.tokenHash.bytes, invitation.stored, in: invitations)
        }
    }

    /// Removes an agent from the invitations that it used.
    func forget(
        _ id: AgentID, _ transaction: borrowing WriteTransaction, _ changes: inout Changes
    ) throws(StoreError) {
        for var invitation in try invitations(transaction) where invitation.uses.contains(where: { $0.agent == id }) {
            invitation.uses.removeAll { $0.agent == id }
            changes.put(invitation.tokenHash.bytes, invitation.stored, in: invitations)
        }
    }
}

extension AgentIdentity {
    /// What an agent has joined with. A maker's certificate that came once isn't taken back by whoever joins again.
    fileprivate init(_ claim: JoinClaim, after former: AgentIdentity?, certificate: [UInt8]) {
        let known = former?.endorsementKeyCertificate ?? []
        self.init(
            endorsementKeyPublic: claim.endorsementKeyPublic, endorsementKeyName: claim.endorsementKeyName,
            endorsementKeyCertificate: known.isEmpty ? claim.endorsementKeyCertificate : known, joinedAt: claim.time,
            certificates: [certificate])
    }
}
