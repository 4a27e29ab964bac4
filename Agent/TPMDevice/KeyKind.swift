internal import CTSS2

/// The kinds of key that Assay makes, for the endorsement key and for the attestation key under it alike.
package enum KeyKind: UInt8, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    /// RSA with 2048 bits: slow to make and to sign with on a hardware TPM, known to every verifier.
    case rsa2048 = 1
    /// The NIST curve P-256.
    case p256 = 2

    package var description: String {
        switch self {
        case .rsa2048: "rsa2048"
        case .p256: "p256"
        }
    }

    /// The NV index of the endorsement key's certificate.
    ///
    /// - SeeAlso: TCG EK Credential Profile, 2.2.1.4.
    var certificateIndex: UInt32 {
        switch self {
        case .rsa2048: 0x01c0_0002
        case .p256: 0x01c0_000a
        }
    }

    /// The template L-1 or L-2 of the endorsement key: with it, a TPM derives the same key each time.
    ///
    /// - SeeAlso: TCG EK Credential Profile, B.3.
    var endorsementTemplate: TPM2B_PUBLIC {
        var area = TPMT_PUBLIC()
        area.nameAlg = TPMI_ALG_HASH(TPM2_ALG_SHA256)
        area.objectAttributes =
            TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN
            | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT
        area.authPolicy.size = UInt16(endorsementPolicy.count)
        setElements(endorsementPolicy, of: &area.authPolicy.buffer)
        setKey(of: &area)
        var symmetric = TPMT_SYM_DEF_OBJECT()
        symmetric.algorithm = TPM2_ALG_ID(TPM2_ALG_AES)
        symmetric.keyBits.aes = 128
        symmetric.mode.aes = TPM2_ALG_ID(TPM2_ALG_CFB)
        switch self {
        case .rsa2048:
            area.parameters.rsaDetail.symmetric = symmetric
            area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_ID(TPM2_ALG_NULL)
            area.unique.rsa.size = 256
        case .p256:
            area.parameters.eccDetail.symmetric = symmetric
            area.parameters.eccDetail.scheme.scheme = TPM2_ALG_ID(TPM2_ALG_NULL)
            area.unique.ecc.x.size = 32
            area.unique.ecc.y.size = 32
        }
        return TPM2B_PUBLIC(size: 0, publicArea: area)
    }

    /// A restricted signing key, which signs nothing but what the TPM itself has put together.
    ///
    /// Its password is empty, so there is nothing to guess: `noDA` keeps another program's wrong guesses from stopping
    /// attestation.
    /// - SeeAlso: TPM 2.0 Part 1, 27.2 (object attributes), 19.8 (dictionary attack).
    var attestationTemplate: TPM2B_PUBLIC {
        var area = TPMT_PUBLIC()
        area.nameAlg = TPMI_ALG_HASH(TPM2_ALG_SHA256)
        area.objectAttributes =
            TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN
            | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT
        setKey(of: &area)
        switch self {
        case .rsa2048:
            area.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_ID(TPM2_ALG_NULL)
            area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_ID(TPM2_ALG_RSASSA)
            area.parameters.rsaDetail.scheme.details.rsassa.hashAlg = TPMI_ALG_HASH(TPM2_ALG_SHA256)
        case .p256:
            area.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_ID(TPM2_ALG_NULL)
            area.parameters.eccDetail.scheme.scheme = TPM2_ALG_ID(TPM2_ALG_ECDSA)
            area.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPMI_ALG_HASH(TPM2_ALG_SHA256)
        }
        return TPM2B_PUBLIC(size: 0, publicArea: area)
    }

    /// What both templates of a kind say about size and curve; the exponent 0 means 65537.
    private func setKey(of area: inout TPMT_PUBLIC) {
        switch self {
        case .rsa2048:
            area.type = TPMI_ALG_PUBLIC(TPM2_ALG_RSA)
            area.parameters.rsaDetail.keyBits = 2048
        case .p256:
            area.type = TPMI_ALG_PUBLIC(TPM2_ALG_ECC)
            area.parameters.eccDetail.curveID = TPMI_ECC_CURVE(TPM2_ECC_NIST_P256)
            area.parameters.eccDetail.kdf.scheme = TPM2_ALG_ID(TPM2_ALG_NULL)
        }
    }
}

/// PolicyA: the digest of PolicySecret(TPM_RH_ENDORSEMENT) under SHA-256 (TCG EK Credential Profile, B.6.1).
let endorsementPolicy: [UInt8] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
]
