internal import CTSS2

extension TPMDevice {
    /// The certificate (DER) that the TPM's maker issued for the endorsement key; nil if the TPM has none, as most
    /// virtual ones.
    ///
    /// - SeeAlso: TCG EK Credential Profile, 2.2.1.4 (NV indices).
    package func endorsementCertificate(_ kind: KeyKind) throws(TPMDeviceError) -> [UInt8]? {
        guard let index = try NVIndex.open(kind.certificateIndex, in: esys) else { return nil }
        let bytes = try index.read()
        guard let length = outerLength(ofDER: bytes) else {
            throw TPMDeviceError(.malformedAnswer("the endorsement certificate is not DER"), in: "Esys_NV_Read")
        }
        return Array(bytes.prefix(length))
    }
}

/// Bytes of the DER sequence that the bytes begin with; nil if they don't begin with a whole one. A TPM may pad behind.
func outerLength(ofDER bytes: [UInt8]) -> Int? {
    guard bytes.count >= 2, bytes[0] == 0x30 else { return nil }
    let lengthBytes = bytes[1] < 0x80 ? 0 : Int(bytes[1] & 0x7f)
    // 0x80, the indefinite form, is no DER; four bytes and more are over what NV memory holds.
    guard bytes[1] != 0x80, lengthBytes <= 3, bytes.count >= 2 + lengthBytes else { return nil }
    let content = lengthBytes == 0 ? Int(bytes[1]) : bytes[2..<2 + lengthBytes].reduce(0) { $0 << 8 | Int($1) }
    let length = 2 + lengthBytes + content
    return length <= bytes.count ? length : nil
}

/// ESYS's record of an NV index; nothing inside the TPM belongs to it.
private struct NVIndex: ~Copyable {
    private let handle: ESYS_TR
    private let esys: EsysContext

    private init(_ handle: ESYS_TR, in esys: EsysContext) {
        self.handle = handle
        self.esys = esys
    }

    deinit {
        var handle = handle
        _ = Esys_TR_Close(esys.pointer, &handle)
    }

    /// Finds an index; nil if the TPM has none of that number.
    static func open(_ number: UInt32, in esys: EsysContext) throws(TPMDeviceError) -> NVIndex? {
        let none = ESYS_TR_NONE
        var handle = none
        let code = Esys_TR_FromTPMPublic(esys.pointer, number, none, none, none, &handle)
        guard ResponseCode(rawValue: code).base != ASSAY_RC_HANDLE else { return nil }
        try check("Esys_TR_FromTPMPublic", code)
        return NVIndex(handle, in: esys)
    }

    /// All of its bytes, authorized by its own empty password, as its maker has to allow.
    func read() throws(TPMDeviceError) -> [UInt8] {
        var bytes: [UInt8] = []
        let size = try size()
        while bytes.count < size {
            let call = "Esys_NV_Read"
            let count = min(size - UInt16(bytes.count), Self.bytesPerRead)
            var result: UnsafeMutablePointer<TPM2B_MAX_NV_BUFFER>?
            let none = ESYS_TR_NONE
            try check(
                call,
                Esys_NV_Read(
                    esys.pointer, handle, handle, ESYS_TR_PASSWORD, none, none, count, UInt16(bytes.count), &result))
            let part = try EsysOutput(result, of: call).value.bytes
            guard part.count == count else {
                throw TPMDeviceError(.malformedAnswer("\(part.count) bytes instead of \(count)"), in: call)
            }
            bytes += part
        }
        return bytes
    }

    private func size() throws(TPMDeviceError) -> UInt16 {
        let call = "Esys_NV_ReadPublic"
        let none = ESYS_TR_NONE
        var result: UnsafeMutablePointer<TPM2B_NV_PUBLIC>?
        try check(call, Esys_NV_ReadPublic(esys.pointer, handle, none, none, none, &result, nil))
        return try EsysOutput(result, of: call).value.nvPublic.dataSize
    }

    /// Less than any TPM's largest read (TPM_PT_NV_BUFFER_MAX).
    private static let bytesPerRead: UInt16 = 256
}
