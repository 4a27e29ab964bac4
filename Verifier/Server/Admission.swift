import AssayCrypto
import Messages
import Store

/// Whether a connection's certificate lets its owner in: it is enrolled, not revoked, and the certificate is one that
/// was issued to it, if this verifier issues its certificates.
enum Admission {
    /// - Returns: the status to refuse with; nil if it is welcome.
    /// - Throws: what the store throws.
    static func refusal(
        of id: AgentID, certificate: Certificate?, in store: Store
    ) throws(StoreError) -> Status? {
        do throws(StoreError) {
            guard try store.agent(id).revokedAt == nil else {
                return Status(
                    .permissionDenied,
                    "agent \(id) is revoked; to trust it again, run on the verifier: "
                        + "assay-verifier agents revoke \(id.shellWord) --undo")
            }
        } catch {
            guard error.code == .notFound else { throw error }
            return Status(
                .permissionDenied,
                "agent \(id) is not enrolled; invite it on the verifier (assay-verifier invite --id \(id.shellWord)) or add it: "
                    + "assay-verifier agents add \(id.shellWord)")
        }
        guard let identity = try store.identity(of: id), let certificate else { return nil }
        guard identity.certificates.contains(certificate.der) else {
            return Status(
                .permissionDenied,
                "the certificate is not one that agent \(id) was given since it joined last; have it invited and join "
                    + "again: assay-verifier invite --id \(id.shellWord)")
        }
        return nil
    }
}
