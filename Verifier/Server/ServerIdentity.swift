package import AssayCrypto
package import Bytes
package import Enrolment
package import Logging
import Synchronization
package import Transport

/// The certificate that the server shows: renewed by its own authority before it ends, and read anew when its file has
/// changed, without a restart.
package final class ServerIdentity: Sendable {
    private let credentials: TLSContext.Credentials
    private let trustFile: String
    private let issuer: Issuer?
    private let host: HostName?
    private let state: Mutex<State>

    private struct State {
        var context: TLSContext
        /// What it was made of.
        var certificates: [Certificate]
    }

    /// Reads the files, and renews what is due.
    ///
    /// - Parameters:
    ///   - issuer: nil if the operator's own PKI issues the certificate; hosts can't join then.
    ///   - host: what hosts that join are to dial, and the issuer's certificate is to name; nil if nobody says.
    ///   - time: seconds since 1970.
    package init(
        credentials: TLSContext.Credentials, trustFile: String, issuer: Issuer?, naming host: HostName? = nil,
        at time: Int64
    ) throws {
        self.credentials = credentials
        self.trustFile = trustFile
        self.issuer = issuer
        self.host = host
        _ = try Self.renew(credentials, issuer, host, time)
        state = Mutex(try Self.read(credentials, trustFile, issuer))
    }

    /// What the next connection is served with.
    package var context: TLSContext { state.withLock { $0.context } }

    /// Why agents refuse the certificate now; nil if they don't.
    ///
    /// - Parameter time: seconds since 1970.
    package func problem(at time: Int64) -> String? {
        let certificates = state.withLock { $0.certificates }
        return Self.problem(with: certificates, of: credentials.certificateChainFile, issuer, at: time)
    }

    /// Why agents would refuse the certificates of a file, its own and those behind it; nil if they wouldn't.
    ///
    /// - Parameters:
    ///   - issuer: the verifier's own authority, which mends its server's certificate by itself; nil for a PKI that is the
    ///     operator's.
    package static func problem(
        with certificates: [Certificate], of file: String, _ issuer: Issuer?, at time: Int64
    ) -> String? {
        for (index, certificate) in certificates.enumerated() {
            guard let fault = certificate.fault(at: time) else { continue }
            let remedy =
                switch (issuer, index) {
                case (nil, _): "if this host's clock is right, have your PKI issue another one"
                case (_, 0): "it is issued anew by itself; if it isn't, the log says why"
                case (_, _):
                    "if this host's clock is right, the authority must be made anew: move it away, run "
                        + "`assay-verifier init`, and have the hosts join again"
                }
            return "no agent can connect: certificate \(index + 1) of \(file) \(fault); \(remedy)"
        }
        return nil
    }

    /// Renews the certificate if it is due or isn't valid, and reads the files if the certificate is another one.
    ///
    /// - Returns: whether the next connection is served with another certificate.
    package func refresh(at time: Int64) throws -> Bool {
        _ = try Self.renew(credentials, issuer, host, time)
        let certificates = try Issuer.certificates(in: credentials.certificateChainFile)
        guard state.withLock({ $0.certificates != certificates }) else { return false }
        let fresh = try Self.read(credentials, trustFile, issuer)
        state.withLock { $0 = fresh }
        return true
    }

    /// Refreshes at intervals until the task is cancelled. A failure is told, and the old certificate stays; so is a
    /// certificate that agents refuse. Either is told again only when it has changed, or after an hour.
    package func keepFresh(
        every interval: Duration, time: @Sendable () -> Int64, logger: Logger
    ) async {
        var told: (fault: String, at: ContinuousClock.Instant)?
        while !Task.isCancelled {
            var fault: String?
            do {
                if try refresh(at: time()) { logger.notice("the server's certificate is a new one") }
                fault = problem(at: time())
            } catch {
                fault = "the server's certificate can't be renewed: \(error)"
            }
            if let fault, told.map({ $0.fault != fault || .now - $0.at >= Self.silence }) ?? true {
                logger.error("\(fault)")
                told = (fault, .now)
            }
            if fault == nil { told = nil }
            try? await Task.sleep(for: interval)
        }
    }

    private static let silence = Duration.seconds(3600)

    private static func renew(
        _ credentials: TLSContext.Credentials, _ issuer: Issuer?, _ host: HostName?, _ time: Int64
    ) throws -> Bool {
        guard let issuer else { return false }
        let certificate = ServerCertificate(
            chainFile: credentials.certificateChainFile, keyFile: credentials.privateKeyFile)
        return try certificate.renewIfDue(by: issuer, naming: host, at: time)
    }

    private static func read(
        _ credentials: TLSContext.Credentials, _ trustFile: String, _ issuer: Issuer?
    ) throws -> State {
        let context = try TLSContext.server(
            credentials: credentials, trustRootsFile: trustFile,
            protocols: issuer == nil ? [.attest] : [.attest, .join])
        return State(
            context: context, certificates: try Issuer.certificates(in: credentials.certificateChainFile))
    }
}
