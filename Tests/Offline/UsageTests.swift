import Testing

@testable import Offline

@Suite("Options that don't go together")
struct UsageTests {
    private static let sha256 = "sha256:" + String(repeating: "0", count: 64)

    private static func quote(_ change: (inout AppraisalArguments) -> Void = { _ in }) -> AppraisalArguments {
        var arguments = AppraisalArguments()
        arguments.quote = "q"
        arguments.signature = "s"
        arguments.attestationKey = "a"
        arguments.nonce = "00"
        arguments.pcrValues = "p"
        change(&arguments)
        return arguments
    }

    private static func log(_ change: (inout AppraisalArguments) -> Void = { _ in }) -> AppraisalArguments {
        var arguments = AppraisalArguments()
        arguments.logs = ["log"]
        change(&arguments)
        return arguments
    }

    static let refused: [(String, AppraisalArguments)] = [
        ("nothing to appraise", AppraisalArguments()),
        (
            "a PCR without a log",
            {
                var a = AppraisalArguments(); a.pcrs = [sha256]; return a
            }()
        ),
        ("no thread", log { $0.threads = 0 }),
        ("more threads than can be meant", log { $0.threads = 100_000 }),
        ("a state without PCR or quote", log { $0.state = "state" }),
        (
            "a new epoch without a state",
            log {
                $0.startsNewEpoch = true; $0.pcrs = [sha256]
            }
        ),
        (
            "a quote and a PCR",
            quote {
                $0.logs = ["log"]; $0.pcrs = [sha256]
            }
        ),
        ("a quote without its signature", quote { $0.signature = nil }),
        ("a quote without its key", quote { $0.attestationKey = nil }),
        ("a quote without its nonce", quote { $0.nonce = nil }),
        ("a quote without its values", quote { $0.pcrValues = nil }),
        ("a nonce that isn't hexadecimal", quote { $0.nonce = "0x" }),
        ("a bank that isn't known", quote { $0.bank = "md5" }),
        ("a signature without a quote", log { $0.signature = "s" }),
        ("a key without a quote", log { $0.attestationKey = "a" }),
        ("a nonce without a quote", log { $0.nonce = "00" }),
        ("values without a quote", log { $0.pcrValues = "p" }),
        ("a bank without a quote", log { $0.bank = "sha256" }),
        ("a policy's key without a policy", log { $0.policyKeys = ["k"] }),
        ("an action that isn't known", log { $0.violations = "panic" }),
        ("a PCR without a bank", log { $0.pcrs = ["00"] }),
        ("a PCR of an unknown bank", log { $0.pcrs = ["md5:00"] }),
        ("a PCR that is too short", log { $0.pcrs = ["sha256:00"] }),
        ("a PCR that isn't hexadecimal", log { $0.pcrs = [String(sha256.dropLast()) + "g"] }),
        ("two values of a bank", log { $0.pcrs = [sha256, sha256] }),
        ("a boot_aggregate that is too short", log { $0.bootAggregates = ["sha1:00"] }),
        ("a PCR that can be reset", log { $0.pcrIndex = 16 }),
        ("a negative PCR", log { $0.pcrIndex = -1 }),
        ("standard input twice", log { $0.logs = ["-", "-"] }),
    ]

    @Test("is a usage error", arguments: refused)
    func isRefused(what: String, arguments: AppraisalArguments) {
        #expect {
            _ = try AppraisalRequest(arguments)
        } throws: { error in
            guard case .usage(let text)? = error as? OfflineError else { return false }
            return !text.isEmpty
        }
    }

    @Test("A log, and a quote, alone are enough")
    func isAccepted() throws {
        _ = try AppraisalRequest(Self.log())
        _ = try AppraisalRequest(Self.quote())
        _ = try AppraisalRequest(
            Self.quote {
                $0.logs = ["log"]; $0.bank = "sha384"; $0.state = "state"
            })
    }
}
