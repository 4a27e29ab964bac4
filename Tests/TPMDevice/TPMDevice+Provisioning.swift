import CTSS2

@testable import TPMDevice

/// What a TPM's maker, an administrator or a verifier does to it, for tests.
extension TPMDevice {
    /// Puts bytes where the maker stores the endorsement key's certificate.
    func storeCertificate(_ bytes: [UInt8], for kind: KeyKind) throws {
        var index = TPM2B_NV_PUBLIC()
        index.nvPublic.nvIndex = kind.certificateIndex
        index.nvPublic.nameAlg = TPMI_ALG_HASH(TPM2_ALG_SHA256)
        index.nvPublic.attributes =
            TPMA_NV_PPWRITE | TPMA_NV_PPREAD | TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA
            | TPMA_NV_PLATFORMCREATE
        index.nvPublic.dataSize = UInt16(bytes.count)
        var noAuthorization = TPM2B_AUTH()
        var handle = ESYS_TR_NONE
        let none = ESYS_TR_NONE
        try check(
            "Esys_NV_DefineSpace",
            Esys_NV_DefineSpace(
                esys.pointer, ESYS_TR_RH_PLATFORM, ESYS_TR_PASSWORD, none, none, &noAuthorization, &index, &handle))
        defer { Esys_TR_Close(esys.pointer, &handle) }
        for offset in stride(from: 0, to: bytes.count, by: 512) {
            let part = Array(bytes[offset..<min(offset + 512, bytes.count)])
            var data = try TPM2B_MAX_NV_BUFFER(part, for: "Esys_NV_Write")
            try check(
                "Esys_NV_Write",
                Esys_NV_Write(
                    esys.pointer, ESYS_TR_RH_PLATFORM, handle, ESYS_TR_PASSWORD, none, none, &data, UInt16(offset)))
        }
    }

    /// Keeps one bank; takes effect when the TPM is reset.
    func allocateOnly(_ algorithm: UInt16) throws {
        var allocation = TPML_PCR_SELECTION()
        let banks = [TPM2_ALG_SHA1, TPM2_ALG_SHA256, TPM2_ALG_SHA384, TPM2_ALG_SHA512].map { bank in
            let bits: UInt8 = bank == algorithm ? 0xff : 0
            return TPMS_PCR_SELECTION(hash: TPM2_ALG_ID(bank), sizeofSelect: 3, pcrSelect: (bits, bits, bits, 0))
        }
        allocation.count = UInt32(banks.count)
        setElements(banks, of: &allocation.pcrSelections)
        var succeeded = TPMI_YES_NO()
        var (maximum, needed, available) = (UInt32(), UInt32(), UInt32())
        try check(
            "Esys_PCR_Allocate",
            Esys_PCR_Allocate(
                esys.pointer, ESYS_TR_RH_PLATFORM, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &allocation,
                &succeeded, &maximum, &needed, &available))
    }

    /// Sets the endorsement hierarchy's password, which is empty before.
    func setEndorsementPassword(_ password: [UInt8]) throws {
        var authorization = try TPM2B_DIGEST(password, for: "Esys_HierarchyChangeAuth")
        try check(
            "Esys_HierarchyChangeAuth",
            Esys_HierarchyChangeAuth(
                esys.pointer, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &authorization))
    }

    /// Puts the TPM into lockout, as wrong passwords do: none is allowed.
    func lockOut() throws {
        try check(
            "Esys_DictionaryAttackParameters",
            Esys_DictionaryAttackParameters(
                esys.pointer, ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, 0, 1000, 1000))
    }

    /// Leaves an endorsement key in the TPM, as an agent does that is killed before it can remove it.
    func leaveEndorsementKey(_ kind: KeyKind) throws { _ = try createPrimary(kind.endorsementTemplate) }

    /// Makes a key in the endorsement hierarchy; nobody removes it.
    private func createPrimary(_ template: TPM2B_PUBLIC) throws -> ESYS_TR {
        var sensitive = TPM2B_SENSITIVE_CREATE()
        var template = template
        var outside = TPM2B_DATA()
        var pcrs = TPML_PCR_SELECTION()
        var handle = ESYS_TR_NONE
        try check(
            "Esys_CreatePrimary",
            Esys_CreatePrimary(
                esys.pointer, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                &template, &outside, &pcrs, &handle, nil, nil, nil, nil))
        return handle
    }

    /// Leaves a policy session in the TPM.
    ///
    /// - Parameter hierarchy: whose authorization it proves; nil if it was left before it proved any.
    func leaveSession(proving hierarchy: ESYS_TR?) throws {
        let none = ESYS_TR_NONE
        var handle = none
        var symmetric = TPMT_SYM_DEF()
        symmetric.algorithm = TPM2_ALG_ID(TPM2_ALG_NULL)
        try check(
            "Esys_StartAuthSession",
            Esys_StartAuthSession(
                esys.pointer, none, none, none, none, none, nil, TPM2_SE(TPM2_SE_POLICY), &symmetric,
                TPMI_ALG_HASH(TPM2_ALG_SHA256), &handle))
        guard let hierarchy else { return }
        try check(
            "Esys_PolicySecret",
            Esys_PolicySecret(
                esys.pointer, hierarchy, handle, ESYS_TR_PASSWORD, none, none, nil, nil, nil, 0, nil, nil))
    }

    /// The verifier's part of credential activation, computed by the TPM itself.
    func makeCredential(
        _ secret: [UInt8], endorsementKey: [UInt8], name: [UInt8]
    ) throws -> (credential: [UInt8], secret: [UInt8]) {
        let none = ESYS_TR_NONE
        guard var area = TPM2B_PUBLIC(marshalled: endorsementKey) else {
            throw TPMDeviceError(.malformedKey("endorsement key"), in: "Esys_LoadExternal")
        }
        var handle = none
        try check(
            "Esys_LoadExternal",
            Esys_LoadExternal(esys.pointer, none, none, none, nil, &area, ESYS_TR_RH_ENDORSEMENT, &handle))
        let key = TransientObject(handle, in: esys)
        var digest = try TPM2B_DIGEST(secret, for: "Esys_MakeCredential")
        var objectName = TPM2B_NAME()
        objectName.size = UInt16(name.count)
        setElements(name, of: &objectName.name)
        var credential: UnsafeMutablePointer<TPM2B_ID_OBJECT>?
        var encrypted: UnsafeMutablePointer<TPM2B_ENCRYPTED_SECRET>?
        try check(
            "Esys_MakeCredential",
            Esys_MakeCredential(
                esys.pointer, key.handle, none, none, none, &digest, &objectName, &credential, &encrypted))
        let first = try EsysOutput(credential, of: "Esys_MakeCredential")
        let second = try EsysOutput(encrypted, of: "Esys_MakeCredential")
        return (first.value.bytes, second.value.bytes)
    }

    /// A decryption key as large ones of the TCG's EK templates are: P-384, named with SHA-384, AES-256; but under the
    /// empty password instead of their policy.
    private var largeTemplate: TPM2B_PUBLIC {
        var area = TPMT_PUBLIC()
        area.type = TPMI_ALG_PUBLIC(TPM2_ALG_ECC)
        area.nameAlg = TPMI_ALG_HASH(TPM2_ALG_SHA384)
        area.objectAttributes =
            TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN
            | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT
        area.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_ID(TPM2_ALG_AES)
        area.parameters.eccDetail.symmetric.keyBits.aes = 256
        area.parameters.eccDetail.symmetric.mode.aes = TPM2_ALG_ID(TPM2_ALG_CFB)
        area.parameters.eccDetail.scheme.scheme = TPM2_ALG_ID(TPM2_ALG_NULL)
        area.parameters.eccDetail.kdf.scheme = TPM2_ALG_ID(TPM2_ALG_NULL)
        area.parameters.eccDetail.curveID = TPMI_ECC_CURVE(TPM2_ECC_NIST_P384)
        return TPM2B_PUBLIC(size: 0, publicArea: area)
    }

    private func loadLargeStorageKey() throws -> TransientObject {
        TransientObject(try createPrimary(largeTemplate), in: esys)
    }

    /// TPM2B_PUBLIC of the large key.
    func largeStorageKey() throws -> [UInt8] { try loadLargeStorageKey().publicArea() }

    /// TPM2_ActivateCredential with the large key in the endorsement key's place.
    func activateWithLargeKey(_ credential: [UInt8], _ secret: [UInt8]) throws -> [UInt8] {
        let call = "Esys_ActivateCredential"
        guard let own = attestationKey?.object.handle else { throw TPMDeviceError(.noKey, in: call) }
        var credential = try TPM2B_ID_OBJECT(credential, for: call)
        var secret = try TPM2B_ENCRYPTED_SECRET(secret, for: call)
        let key = try loadLargeStorageKey()
        var result: UnsafeMutablePointer<TPM2B_DIGEST>?
        try check(
            call,
            Esys_ActivateCredential(
                esys.pointer, own, key.handle, ESYS_TR_PASSWORD, ESYS_TR_PASSWORD, ESYS_TR_NONE, &credential, &secret,
                &result))
        return try EsysOutput(result, of: call).value.bytes
    }
}
