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
}
