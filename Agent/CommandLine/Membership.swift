import AssayCrypto
import Bytes
import Messages
import Terminal

/// Whose agent a host is already when it joins.
struct Membership: Sendable {
    /// The id that its certificate has.
    let id: [UInt8]
    /// `HOST:PORT` of the verifier, as the configuration has it; nil if it doesn't say.
    let verifier: String?
    /// SHA-256 of the certificates of the authorities that it trusts.
    let authorities: [Digest]

    /// What ends where the host joins with a token; nil if it stays the same agent of the same verifier.
    ///
    /// - Parameter wished: the id that is asked for; nil if none is.
    func loss(joiningWith token: JoinToken, as wished: String?) -> String? {
        let former = "\(escaped(id)) of \(verifier ?? "a verifier")"
        let remedy =
            "there it becomes unreachable, until it is removed: assay-verifier agents remove \(shellQuoted(id))"
        guard authorities.contains(token.authority) else {
            return "this host is \(former), and would be \(address(token.host, Int(token.port)))'s instead; \(remedy)"
        }
        guard let wished, Array(wished.utf8) != id else { return nil }
        return "this host is \(former), and would be \(escaped(wished.utf8)) instead; \(remedy)"
    }

    /// Asks whether that is meant.
    ///
    /// - Throws: a failure that says what to do, unless the answer is yes.
    static func confirm(_ loss: String) throws(CommandFailure) {
        guard Confirmation.isPossible else { throw CommandFailure(.usage, "\(loss); if that is meant, give --yes") }
        guard Confirmation.ask("\(loss).\nJoin all the same?") else {
            throw CommandFailure(.usage, "not joined; nothing was changed")
        }
    }
}
