import Bytes
import Terminal
import Transport

extension CommandFailure {
    /// A connection to the verifier that did not come to be: where to, why, and what to do.
    ///
    /// - Parameter doubt: what of this host may have caused it; nil if nothing is known.
    static func connection(
        to host: String, port: Int, _ error: TransportError, doubt: String? = nil
    ) -> CommandFailure {
        let doubt = doubt.map { "; " + $0 } ?? ""
        return CommandFailure(.unavailable, "\(address(host, port)): \(error)\(nextStep(error))\(doubt)")
    }

    /// Where the error itself doesn't say.
    private static func nextStep(_ error: TransportError) -> String {
        switch error {
        case .noAddress: error.remedy.map { "; " + $0 } ?? ""
        case .io, .deadlineExceeded:
            "; check that `assay-verifier serve` runs there, and that no firewall is between"
        case .tls(let error) where error.code == .noCommonProtocol || error.code == .alert(120):
            "; the server there is no verifier, or none that hosts can join by token"
        case .tls(let error) where error.remedy == nil:
            "; check host and port: is it assay-verifier that listens there? Its log says more"
        default: ""
        }
    }
}
