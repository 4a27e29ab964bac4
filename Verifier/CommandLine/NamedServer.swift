import AssayCrypto
import Bytes
import Enrolment
import Terminal

/// The server as its certificate names it: a host that dials it by another name refuses it.
struct NamedServer {
    /// The certificate's PEM file.
    private let file: String
    private let names: [SubjectAlternativeName]

    init(file: String) throws(EnrolmentError) {
        self.file = file
        names = try Issuer.certificates(in: file)[0].subjectAlternativeNames
    }

    /// Refuses a name that hosts are to dial and the certificate lacks.
    ///
    /// - Parameter place: where the name comes from.
    func require(_ host: HostName, _ place: String) throws(CommandFailure) {
        guard !names.contains(where: { $0.covers(host) }) else { return }
        let known = names.compactMap(\.host).joined(separator: ", ")
        throw CommandFailure(
            .usage,
            "\(place): join.address names \(host), which the server's certificate lacks, and every host would refuse it: "
                + "\(file) has \(known.isEmpty ? "no name" : known); name one of these, or set join.address in the "
                + "configuration and start `assay-verifier serve` anew, which adds the name to the certificate")
    }
}
