package import AssayCrypto
internal import CTSS2
package import TPM

/// A TPM 2.0, reached through tpm2-tss.
///
/// Calls are carried out one after the other, in order, away from the shared threads: ESYS isn't thread-safe, and a
/// hardware TPM takes up to seconds for an answer. When the transport itself has failed (`tcti:` or `esapi:` in the
/// response code), open another device.
package actor TPMDevice {
    let esys: EsysContext
    /// The loaded attestation key, with what it takes to load it again.
    var attestationKey: LoadedKey?

    nonisolated let executor = DeviceExecutor()

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Opens a TPM; sends nothing to it yet. Programs ask with ``open(tcti:patience:tell:)``, which waits for one that is
    /// busy.
    ///
    /// - Parameter tcti: tpm2-tss's name for the way to it, such as `device:/dev/tpmrm0` or
    ///   `swtpm:host=127.0.0.1,port=2321`.
    package init(tcti: String) throws(TPMDeviceError) {
        esys = try EsysContext(tcti: tcti)
    }

    /// The banks that have PCRs, in the TPM's order; those that Assay can't replay are left out.
    package func activeBanks() throws(TPMDeviceError) -> [PCRBank] {
        let assigned = try esys.capability(TPM2_CAP(TPM2_CAP_PCRS)).data.assignedPCR
        return assigned.banks.compactMap { $0.pcrs.isEmpty ? nil : PCRBank(rawValue: $0.algorithm) }
    }

    /// The TPM's clock and counters, as a quote by a key of ours would state them: plain.
    package func readClock() throws(TPMDeviceError) -> ClockInfo {
        let call = "Esys_ReadClock"
        let none = ESYS_TR_NONE
        var result: UnsafeMutablePointer<TPMS_TIME_INFO>?
        try check(call, Esys_ReadClock(esys.pointer, none, none, none, &result))
        let info = try EsysOutput(result, of: call).value.clockInfo
        return ClockInfo(
            clock: info.clock, resetCount: info.resetCount, restartCount: info.restartCount, isSafe: info.safe != 0)
    }
}
