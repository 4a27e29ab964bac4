import Files
import SystemPackage
import Terminal

/// The right to stay connected as this host's agent: a verifier keeps an agent's newest connection, and two processes that
/// come back would end each other's for ever.
extension AgentHost {
    private var claimFile: String { configuration.host.stateFolder.appending("agent.lock").string }

    /// Claims it, until the claim is released.
    func claim() throws(CommandFailure) -> ProcessClaim {
        do throws(ProcessClaim.Refusal) {
            return try ProcessClaim(claimFile)
        } catch {
            switch error {
            case .held(let process):
                throw CommandFailure(
                    .unavailable,
                    "assay-agent runs on this host already\(ofProcess(process ?? 0)), with the state in "
                        + "\(configuration.host.stateFolder): end it first (systemctl stop assay-agent), or attest beside it "
                        + "with assay-agent attest --once")
            case .file(let error): throw .unavailable(error)
            }
        }
    }

    /// The process that has claimed it; nil if none has.
    var holder: Int32? { ProcessClaim.holder(of: claimFile) }
}

/// Which process, if its id is known.
func ofProcess(_ id: Int32) -> String { id > 0 ? " (process \(id))" : "" }
