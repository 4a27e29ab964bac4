internal import CTSS2

/// How the TPM's endorsement hierarchy stands. The agent's keys need it, with the password that it is delivered with: an
/// empty one.
package struct EndorsementHierarchy: Hashable, Sendable {
    /// Keys in it can be used (TPMA_STARTUP_CLEAR.ehEnable).
    package let isEnabled: Bool
    /// It has been given a password since the TPM was last cleared (TPMA_PERMANENT.endorsementAuthSet).
    package let hasPassword: Bool
    /// What else was set in the TPM since then, and doesn't concern the agent.
    package let others: [Other]

    /// What an operator may take for an obstacle.
    package enum Other: String, Hashable, Sendable {
        /// The owner hierarchy has a password, as one who stores keys in the TPM may give it (ownerAuthSet).
        case ownerPassword = "the owner hierarchy's password"
        /// Clearing the TPM takes a password (lockoutAuthSet).
        case lockoutPassword = "the lockout password"
        /// Wrong passwords have made the TPM refuse keys that are protected against guesses; ours have no password, or a
        /// policy in its place (inLockout).
        case lockout = "the lockout after wrong passwords"
    }

    /// What stands in the way of the agent's keys, and what to do about it; nil if nothing does.
    package var obstacle: (reason: String, remedy: String)? {
        if !isEnabled {
            return ("the endorsement hierarchy is switched off (ehEnable is clear)", ResponseCode.disabledRemedy)
        }
        guard hasPassword else { return nil }
        return ("the endorsement hierarchy has been given a password (endorsementAuthSet)", ResponseCode.passwordRemedy)
    }
}

extension TPMDevice {
    /// Asks the TPM; anybody may, and nothing is changed.
    ///
    /// - SeeAlso: TPM 2.0 Part 2, 8.6 (TPMA_PERMANENT) and 8.7 (TPMA_STARTUP_CLEAR).
    package func endorsementHierarchy() throws(TPMDeviceError) -> EndorsementHierarchy {
        let startup = try property(ASSAY_PT_STARTUP_CLEAR)
        let permanent = try property(ASSAY_PT_PERMANENT)
        let others: [(TPMA_PERMANENT, EndorsementHierarchy.Other)] = [
            (TPMA_PERMANENT_OWNERAUTHSET, .ownerPassword), (TPMA_PERMANENT_LOCKOUTAUTHSET, .lockoutPassword),
            (TPMA_PERMANENT_INLOCKOUT, .lockout),
        ]
        return EndorsementHierarchy(
            isEnabled: startup & TPMA_STARTUP_CLEAR_EHENABLE != 0,
            hasPassword: permanent & TPMA_PERMANENT_ENDORSEMENTAUTHSET != 0,
            others: others.filter { permanent & $0.0 != 0 }.map(\.1))
    }

    /// The value of one of the TPM's properties (TPM2_GetCapability).
    private func property(_ property: TPM2_PT) throws(TPMDeviceError) -> UInt32 {
        let properties = try esys.capability(TPM2_CAP(TPM2_CAP_TPM_PROPERTIES), from: property).data.tpmProperties
        let first = properties.tpmProperty.0
        guard properties.count > 0, first.property == property else {
            throw TPMDeviceError(
                .malformedAnswer("no value of property 0x\(String(property, radix: 16))"), in: "Esys_GetCapability")
        }
        return first.value
    }
}
