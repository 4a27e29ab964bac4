internal import CTSS2

/// A key loaded into the TPM until this owner goes: a TPM has room for three or so.
struct TransientObject: ~Copyable {
    /// ESYS's number for it.
    let handle: ESYS_TR
    private let esys: EsysContext

    /// Takes over an object that was just loaded.
    init(_ handle: ESYS_TR, in esys: EsysContext) {
        self.handle = handle
        self.esys = esys
        esys.own(handle)
    }

    deinit { esys.flush(handle) }

    /// The public area, as marshalled TPM2B_PUBLIC.
    func publicArea() throws(TPMDeviceError) -> [UInt8] {
        try esys.publicArea(of: handle).marshalled()
    }
}

/// A session that satisfies the policy of the L endorsement-key templates, PolicySecret of the endorsement hierarchy.
///
/// One use only: the TPM forgets what the session proved once it has authorized a command.
/// - SeeAlso: TCG EK Credential Profile, B.3 (PolicyA); TPM 2.0 Part 3, 23.4.
struct EndorsementSession: ~Copyable {
    /// ESYS's number for it.
    let handle: ESYS_TR
    private let esys: EsysContext

    private init(_ handle: ESYS_TR, in esys: EsysContext) {
        self.handle = handle
        self.esys = esys
        esys.own(handle)
    }

    deinit { esys.flush(handle) }

    /// Starts a session and proves the hierarchy's authorization, which is empty unless somebody set one.
    static func start(in esys: EsysContext) throws(TPMDeviceError) -> EndorsementSession {
        let none = ESYS_TR_NONE
        var handle = none
        var symmetric = TPMT_SYM_DEF()
        symmetric.algorithm = TPM2_ALG_ID(TPM2_ALG_NULL)
        var code: TSS2_RC
        repeat {
            code = Esys_StartAuthSession(
                esys.pointer, none, none, none, none, none, nil, TPM2_SE(TPM2_SE_POLICY), &symmetric,
                TPMI_ALG_HASH(TPM2_ALG_SHA256), &handle)
        } while esys.makesRoom(after: code)
        try check("Esys_StartAuthSession", code)
        let session = EndorsementSession(handle, in: esys)
        try check(
            "Esys_PolicySecret",
            Esys_PolicySecret(
                esys.pointer, ESYS_TR_RH_ENDORSEMENT, session.handle, ESYS_TR_PASSWORD, none, none, nil, nil, nil, 0,
                nil, nil))
        return session
    }
}
