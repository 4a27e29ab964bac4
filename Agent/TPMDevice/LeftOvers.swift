internal import CTSS2

/// What an agent that was killed has left in the TPM.
///
/// Behind a resource manager (`/dev/tpmrm0`, tpm2-abrmd) there is nothing of the kind: it shows each connection only its
/// own objects, and removes them with it. A TPM that is used directly (`/dev/tpm0`, a software TPM's socket) keeps them
/// until it is reset, and has room for three or so. It is for one program at a time, so that what is in it then is an orphan;
/// still nothing is removed before the room is needed, and then only:
///
/// - objects with the public half of this agent's attestation key, which nobody else can load;
/// - endorsement keys of the kinds that the agent derives, and policy sessions that have proved what the policy of these
///   asks for, or nothing: not yet, or no more, for a session that was used forgets. Another program's look the same, but are
///   no loss: whoever needs one derives or starts it anew, always the same, and a context that was saved stays.
///
/// All else is another program's, and stays. An agent that runs at the same time loads its key again when it is gone.
extension EsysContext {
    /// Whether a call that came back with a code is worth another try: the TPM had no room, and left-overs gave some.
    func makesRoom(after code: TSS2_RC) -> Bool {
        guard ResponseCode(rawValue: code).saysThatThereIsNoRoom else { return false }
        let objects = foreign(from: ASSAY_HR_TRANSIENT).filter { flush($0, ifOurs: isOurs(object:)) }
        let sessions = foreign(from: ASSAY_HR_SESSION).filter { flush($0, ifOurs: isOurs(session:)) }
        return !objects.isEmpty || !sessions.isEmpty
    }

    /// Loaded objects or sessions, by the TPM's numbers; without those of this context.
    private func foreign(from first: TPM2_HANDLE) -> [TPM2_HANDLE] {
        guard
            let list = try? capability(TPM2_CAP(TPM2_CAP_HANDLES), from: first, count: Self.handlesPerList).data.handles
        else { return [] }
        let own = Set(loaded.values)
        return elements(TPM2_HANDLE.self, of: list.handle, count: list.count).filter { !own.contains($0) }
    }

    private func flush(_ number: TPM2_HANDLE, ifOurs isOurs: (ESYS_TR) -> Bool) -> Bool {
        let none = ESYS_TR_NONE
        var handle = none
        guard Esys_TR_FromTPMPublic(pointer, number, none, none, none, &handle) == TSS2_RC_SUCCESS else { return false }
        guard isOurs(handle) else {
            Esys_TR_Close(pointer, &handle)
            return false
        }
        return Esys_FlushContext(pointer, handle) == TSS2_RC_SUCCESS
    }

    private func isOurs(object handle: ESYS_TR) -> Bool {
        guard let area = try? publicArea(of: handle), let marshalled = try? area.marshalled() else { return false }
        return marshalled == attestationKey || KeyKind.allCases.contains { $0.isEndorsementKey(area) }
    }

    private func isOurs(session handle: ESYS_TR) -> Bool {
        var result: UnsafeMutablePointer<TPM2B_DIGEST>?
        let none = ESYS_TR_NONE
        guard Esys_PolicyGetDigest(pointer, handle, none, none, none, &result) == TSS2_RC_SUCCESS,
            let digest = try? EsysOutput(result, of: "Esys_PolicyGetDigest").value
        else { return false }
        return digest.bytes == endorsementPolicy || digest.bytes.allSatisfy { $0 == 0 }
    }

    /// An object's public area.
    func publicArea(of handle: ESYS_TR) throws(TPMDeviceError) -> TPM2B_PUBLIC {
        let call = "Esys_ReadPublic"
        var result: UnsafeMutablePointer<TPM2B_PUBLIC>?
        let none = ESYS_TR_NONE
        try check(call, Esys_ReadPublic(pointer, handle, none, none, none, &result, nil, nil))
        return try EsysOutput(result, of: call).value
    }

    /// More than a TPM without a resource manager has room for.
    private static let handlesPerList: UInt32 = 64
}

extension KeyKind {
    /// Whether a public area is that of the endorsement key: its template with the key's own number in it.
    fileprivate func isEndorsementKey(_ area: TPM2B_PUBLIC) -> Bool {
        var template = endorsementTemplate
        guard area.publicArea.type == template.publicArea.type else { return false }
        template.publicArea.unique = area.publicArea.unique
        guard let marshalled = try? area.marshalled() else { return false }
        return marshalled == (try? template.marshalled())
    }
}
