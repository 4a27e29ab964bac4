package import Files
package import TPM

/// Why the TPM, or what is kept for it, could not be used: what was tried, what came back, what to do.
package struct TPMDeviceError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Hashable, Sendable {
        /// The TPM or a layer of tpm2-tss refused.
        case refused(ResponseCode)
        /// There is no TPM behind the TCTI string.
        case unreachable(Obstacle, ResponseCode)
        /// The TPM has not answered for so long; with the processes that may hold it, as far as this one can see.
        case busy(Duration, [FileHolder])
        /// The TPM or the library broke the rules of its answer.
        case malformedAnswer(String)
        /// More bytes than the TPM's structure holds.
        case tooLong(count: Int, limit: Int)
        /// An argument that no TPM takes.
        case malformedArgument(String)
        /// The TPM has no such PCRs.
        case noSuchPCRs(PCRSelection)
        /// PCRs changed during every attempt.
        case movingPCRs(attempts: Int)
        /// No attestation key is loaded.
        case noKey
        /// The attestation key belongs to another TPM, or to this one before it was cleared.
        case foreignKey(ResponseCode)
        /// The attestation key's bytes are not what Assay writes.
        case malformedKey(String)
        /// A file operation failed with this `errno`.
        case file(errno: Int32)
    }

    /// What was tried: a tpm2-tss call, a TCTI string, or a file operation with its path.
    package let attempt: String
    /// What went wrong.
    package let code: Code

    /// Makes an error.
    package init(_ code: Code, in attempt: String) {
        self.code = code
        self.attempt = attempt
    }

    /// What to do about it.
    package var remedy: String {
        switch code {
        case .refused(let response): response.remedy
        case .unreachable(let obstacle, _): obstacle.remedy
        case .busy(_, let holders):
            holders.isEmpty
                ? "find the program that holds it (as root, assay-agent doctor names it where it can); \(Obstacle.sharingRemedy)"
                : Obstacle.sharingRemedy
        case .malformedAnswer: "look for a firmware update of the TPM, and for an update of tpm2-tss"
        case .tooLong: "give fewer bytes"
        case .malformedArgument: "correct the caller: this is a fault in the program"
        case .noSuchPCRs: "ask for PCRs of the banks that the TPM has: see `tpm2_getcap pcrs`"
        case .movingPCRs: "try again when the host measures less"
        case .noKey: "create or load the attestation key first"
        case .foreignKey: "restore the key's own TPM, or remove the key's file and join again"
        case .malformedKey: "restore the key's file from a backup, or remove it and join again"
        case .file(let number): FileError(attempt, errno: number).remedy
        }
    }

    /// Such as `Esys_Load: tpm:parameter(1):integrity check failed (0x1df); to remedy it, …`.
    package var description: String { "\(attempt): \(reason); \(remedy)" }

    /// What was wrong.
    package var reason: String {
        switch code {
        case .refused(let response): "\(response)"
        case .unreachable(let obstacle, let response): "\(obstacle.reason): \(response)"
        case .busy(let time, let holders):
            "it has not answered for \(time.components.seconds) s, as where another program holds it\(holders.words)"
        case .malformedAnswer(let detail): detail
        case .tooLong(let count, let limit): "\(count) bytes given, \(limit) are possible"
        case .malformedArgument(let detail): detail
        case .noSuchPCRs(let selection): "the TPM has no PCRs \(selection)"
        case .movingPCRs(let attempts): "PCRs changed during each of \(attempts) attempts"
        case .noKey: "no attestation key is loaded"
        case .foreignKey(let response): "the key is not this TPM's, or the TPM was cleared since: \(response)"
        case .malformedKey(let detail): "not an attestation key of Assay's: \(detail)"
        case .file(let number): systemErrorText(number)
        }
    }
}
