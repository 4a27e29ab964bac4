import Files
package import Messages
package import Shards

/// Why the agent cannot attest: what failed, where, and what the operator can do.
package struct AttesterError: Error, Hashable, CustomStringConvertible {
    /// What failed.
    package enum Code: Hashable, Sendable {
        /// The measurement log can't be opened or read.
        case logUnreadable
        /// The measurement log can't be read for now: another process has it open for writing.
        case logBusy
        /// The measurement log isn't one.
        case logMalformed
        /// The log's shards can't be read or written.
        case shards(ShardError.Code)
        /// The TPM doesn't answer as it must.
        case tpmUnusable
        /// The verifier can't be reached, or the connection broke.
        case verifierUnreachable
        /// What the verifier sent can't be read, or didn't come in time; with what it is to be answered.
        case unreadable(Status)
        /// The verifier refused, with its own words in `problem`.
        case refused(Status)
        /// The verifier refused to let this host join, with its own words and the next step in `problem`.
        case joiningRefused
    }

    /// What failed.
    package let code: Code
    /// The path or address that it is about.
    package let place: String
    /// What was wrong there.
    package let problem: String

    /// Makes an error at a place.
    package init(_ code: Code, place: String, problem: String) {
        self.code = code
        self.place = place
        self.problem = problem
    }

    /// What is wrong with the shards.
    init(_ error: ShardError) {
        self.init(.shards(error.code), place: error.path, problem: error.problem)
    }

    /// What the operator can do.
    package var remedy: String {
        switch code {
        case .logUnreadable:
            "mount securityfs, boot a kernel with IMA, and run the agent as a user that may read the log"
        case .logBusy:
            "end that process; \(FileHolder.search(beside: place)) shows which it is"
        case .logMalformed: "point log.path at the kernel's binary_runtime_measurements"
        case .shards(let code): ShardError(code, path: place, problem: problem).remedy
        case .tpmUnusable: "check tpm.tcti, and that the agent's user may use the TPM"
        case .verifierUnreachable: "check verifier.host and verifier.port, and that the verifier runs"
        case .unreadable:
            "install the same release on host and verifier; if they are the same, check what stands between them"
        case .refused(let status): status.advice.remedy
        case .joiningRefused: "the verifier's log says more"
        }
    }

    /// What the verifier refused with; nil if it didn't.
    package var refusal: Status? {
        guard case .refused(let status) = code else { return nil }
        return status
    }

    /// What the verifier is to be told, if it still listens; nil where it is the verifier that has ended the exchange.
    var answer: Status? {
        switch code {
        case .verifierUnreachable, .refused, .joiningRefused: nil
        case .unreadable(let status): status
        case .logUnreadable, .logBusy, .logMalformed, .shards, .tpmUnusable:
            Status(.unavailable, "the agent can't produce evidence: \(self)")
        }
    }

    package var description: String { "\(place): \(problem); \(remedy)" }
}
