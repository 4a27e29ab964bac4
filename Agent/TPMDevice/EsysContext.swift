internal import CTSS2
internal import Glibc

/// An open way to a TPM: a TCTI and the ESYS context on top of it, closed in this order when the last owner goes.
///
/// Owners of objects inside the TPM hold it strongly, so that they are flushed before it closes. Not thread-safe, and
/// so not Sendable: it stays inside the actor that made it.
final class EsysContext {
    /// The context that each ESYS call takes first.
    let pointer: OpaquePointer
    /// What this context has loaded into the TPM, with the TPM's own numbers.
    private(set) var loaded: [ESYS_TR: TPM2_HANDLE] = [:]
    /// The public half of the attestation key that is used here (marshalled TPM2B_PUBLIC): objects with it are ours.
    var attestationKey: [UInt8]?
    private let transport: OpaquePointer

    /// Connects; sends nothing to the TPM yet.
    init(tcti: String) throws(TPMDeviceError) {
        Self.silenceLibrary
        var transport: OpaquePointer?
        let opened = Tss2_TctiLdr_Initialize(tcti, &transport)
        guard opened == TSS2_RC_SUCCESS, let transport else {
            let code = TPMDeviceError.Code.unreachable(Obstacle(tcti: tcti), ResponseCode(rawValue: opened))
            throw TPMDeviceError(code, in: "TPM at \(tcti)")
        }
        var pointer: OpaquePointer?
        let initialized = Esys_Initialize(&pointer, transport, nil)
        guard initialized == TSS2_RC_SUCCESS, let pointer else {
            var closing: OpaquePointer? = transport
            Tss2_TctiLdr_Finalize(&closing)
            throw TPMDeviceError(.refused(ResponseCode(rawValue: initialized)), in: "Esys_Initialize")
        }
        self.transport = transport
        self.pointer = pointer
    }

    deinit {
        var pointer: OpaquePointer? = pointer
        Esys_Finalize(&pointer)
        var transport: OpaquePointer? = transport
        Tss2_TctiLdr_Finalize(&transport)
    }

    /// Keeps in mind an object or a session that was just loaded.
    func own(_ handle: ESYS_TR) {
        var number = TPM2_HANDLE()
        if Esys_TR_GetTpmHandle(pointer, handle, &number) == TSS2_RC_SUCCESS { loaded[handle] = number }
    }

    /// Removes it from the TPM. What can't be removed isn't there, or the way to the TPM has broken.
    func flush(_ handle: ESYS_TR) {
        loaded[handle] = nil
        _ = Esys_FlushContext(pointer, handle)
    }

    /// What the TPM says of itself (TPM2_GetCapability).
    ///
    /// - Parameters:
    ///   - first: which value, for a capability that has several.
    ///   - count: how many values at most.
    func capability(
        _ kind: TPM2_CAP, from first: UInt32 = 0, count: UInt32 = 1
    ) throws(TPMDeviceError) -> TPMS_CAPABILITY_DATA {
        let call = "Esys_GetCapability"
        let none = ESYS_TR_NONE
        var more = TPMI_YES_NO()
        var result: UnsafeMutablePointer<TPMS_CAPABILITY_DATA>?
        try check(call, Esys_GetCapability(pointer, none, none, none, kind, first, count, &more, &result))
        return try EsysOutput(result, of: call).value
    }

    /// tpm2-tss writes to standard error by itself, unless told otherwise before its first call. An operator's own
    /// setting stays.
    private static let silenceLibrary: Void = {
        setenv("TSS2_LOG", "all+NONE", 0)
    }()
}

/// Throws unless a call of tpm2-tss succeeded.
func check(_ call: String, _ code: TSS2_RC) throws(TPMDeviceError) {
    guard code == TSS2_RC_SUCCESS else { throw TPMDeviceError(.refused(ResponseCode(rawValue: code)), in: call) }
}

/// Owns one result that ESYS allocated.
struct EsysOutput<Value>: ~Copyable {
    private let pointer: UnsafeMutablePointer<Value>

    /// Takes over what a call that succeeded has left behind.
    init(_ pointer: UnsafeMutablePointer<Value>?, of call: String) throws(TPMDeviceError) {
        guard let pointer else { throw TPMDeviceError(.malformedAnswer("no \(Value.self)"), in: call) }
        self.pointer = pointer
    }

    /// A copy of the result.
    var value: Value { pointer.pointee }

    deinit { Esys_Free(pointer) }
}
