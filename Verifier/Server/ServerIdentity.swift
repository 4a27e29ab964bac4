import AssayCrypto
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
    ///   - time: seconds since 1970.
    package init(
        credentials: TLSContext.Credentials, trustFile: String, issuer: Issuer?, at time: Int64
    ) throws {
        self.credentials = credentials
        self.trustFile = trustFile
        self.issuer = issuer
        _ = try Self.renew(credentials, issuer, time)
        state = Mutex(try Self.read(credentials, trustFile, issuer))
    }

    /// What the next connection is served with.
    package var context: TLSContext { state.withLock { $0.context } }

    /// Renews the certificate if it is due, and reads the files if the certificate is another one.
    ///
    /// - Returns: whether the next connection is served with another certificate.
    package func refresh(at time: Int64) throws -> Bool {
        _ = try Self.renew(credentials, issuer, time)
        let certificates = try Issuer.certificates(in: credentials.certificateChainFile)
        guard state.withLock({ $0.certificates != certificates }) else { return false }
        let fresh = try Self.read(credentials, trustFile, issuer)
        state.withLock { $0 = fresh }
        return true
    }

    /// Refreshes at intervals until the task is cancelled; a failure is told, and the old certificate stays.
    package func keepFresh(
        every interval: Duration, time: @Sendable () -> Int64, logger: Logger
    ) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: interval)
            do {
                if try refresh(at: time()) { logger.notice("the server's certificate is a new one") }
            } catch {
                logger.error("the server's certificate can't be renewed", metadata: ["error": "\(error)"])
            }
        }
    }

    private static func renew(
        _ credentials: TLSContext.Credentials, _ issuer: Issuer?, _ time: Int64
    ) throws -> Bool {
        guard let issuer else { return false }
        let certificate = ServerCertificate(
            chainFile: credentials.certificateChainFile, keyFile: credentials.privateKeyFile)
        return try certificate.renewIfDue(by: issuer, at: time)
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
