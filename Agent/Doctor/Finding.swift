/// What the doctor says of one thing.
package struct Finding: Hashable, Sendable {
    /// How it stands with it.
    package enum State: String, Hashable, Sendable {
        /// As it should be.
        case ok
        /// The host can be attested, but something is amiss or can't be told.
        case warning
        /// The host can't be attested.
        case failed
        /// It can't be told, because of something else that failed.
        case unknown
    }

    /// What was looked at, in a word or two.
    package let check: Check
    package let state: State
    /// A sentence.
    package let says: String
    /// What to do; nil if there is nothing.
    package let remedy: String?

    static func ok(_ check: Check, _ says: String) -> Finding {
        Finding(check: check, state: .ok, says: says, remedy: nil)
    }

    static func warning(_ check: Check, _ says: String, remedy: String) -> Finding {
        Finding(check: check, state: .warning, says: says, remedy: remedy)
    }

    static func failed(_ check: Check, _ says: String, remedy: String) -> Finding {
        Finding(check: check, state: .failed, says: says, remedy: remedy)
    }

    static func unknown(_ check: Check, without other: Check) -> Finding {
        Finding(check: check, state: .unknown, says: "can't be told, see \(other.rawValue)", remedy: nil)
    }

    static func failed(_ check: Check, _ problem: HostFacts.Problem) -> Finding {
        failed(check, problem.reason, remedy: problem.remedy)
    }
}

/// What the doctor looks at, in the order in which it tells.
package enum Check: String, CaseIterable, Hashable, Sendable {
    case tpm
    case banks = "pcr banks"
    case endorsement
    case attestationKey = "attestation key"
    case ima
    case log
    case policy
    case template
    case keys = "key measurement"
    case kexec
    case state
    case shards
    case trimming
    case clock
    case certificate
    case verifier
}
