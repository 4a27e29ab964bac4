package import AssayCrypto
package import TPM

/// What an agent that attests needs of a TPM: nothing but a TPM is believed to be one, so that only a benchmark, which
/// can't have a million records measured, puts something else in its place.
package protocol AttestingTPM: Sendable {
    /// The TPM's clock and counters.
    func readClock() async throws(TPMDeviceError) -> ClockInfo
    /// The banks that have PCRs.
    func activeBanks() async throws(TPMDeviceError) -> [PCRBank]
    /// Quotes PCRs with the loaded attestation key.
    func quote(qualifyingData: [UInt8], selection: PCRSelection) async throws(TPMDeviceError) -> Quote
}

extension TPMDevice: AttestingTPM {}
