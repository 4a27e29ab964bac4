import AssayCrypto
import Bytes
import IMA
package import Messages
import Shards
package import SystemPackage
import TPM
package import TPMDevice
package import Transport

/// The agent at work: carries an `AttesterSession`'s actions out on a TPM, a log and a connection.
package actor Attester {
    /// What an operator sees of it.
    package enum Event: Hashable, Sendable {
        /// The verifier began a round.
        case challenged(firstRecord: UInt64)
        /// A shard is on its way.
        case progress(AttesterSession.Progress, TransferRate)
        /// The round is over.
        case verdict(AttestationResult)
        /// The agent's certificate was renewed, or why not.
        case renewal(Result<CertificateIssued, RenewalFailure>)
        /// Something about this host's log that an operator should know.
        case notice(LogNotice)
    }

    /// Why the certificate stays the old one for now.
    package struct RenewalFailure: Error, Hashable, CustomStringConvertible {
        package let description: String
    }

    private let device: any AttestingTPM
    private let log: MeasurementLog
    private let agentID: [UInt8]
    private let attestationKeyName: [UInt8]
    private let softwareVersion: String
    /// The last Hello on the connection.
    private var said: Hello
    /// Why the kernel's log couldn't be read the last time, though another time it may.
    private var unread: AttesterError?
    /// When the round's first shard was read.
    private var transferBegan: ContinuousClock.Instant?

    /// An agent whose AK is loaded.
    ///
    /// - Parameters:
    ///   - agentID: the identity in the agent's certificate.
    ///   - logPath: a securityfs folder, or a log's file.
    ///   - shards: where and how the log is kept.
    package init(
        device: any AttestingTPM, attestationKeyName: [UInt8], agentID: [UInt8], logPath: FilePath,
        shards: MeasurementLog.Settings, softwareVersion: String
    ) {
        self.init(
            device: device, attestationKeyName: attestationKeyName, agentID: agentID,
            kernelFiles: HostFiles(path: logPath), shards: shards, softwareVersion: softwareVersion)
    }

    /// The same, with a kernel's files in place of a path.
    package init(
        device: any AttestingTPM, attestationKeyName: [UInt8], agentID: [UInt8], kernelFiles: any KernelFiles,
        shards: MeasurementLog.Settings, softwareVersion: String
    ) {
        self.device = device
        self.agentID = agentID
        self.attestationKeyName = attestationKeyName
        self.softwareVersion = softwareVersion
        said = Hello(
            agentID: agentID, attestationKeyName: attestationKeyName, nextRecord: 0, banks: [],
            maximumShardBytes: AttesterSession.maximumShardBytes)
        log = MeasurementLog(files: kernelFiles, settings: shards)
    }

    /// Stores what the kernel's log has, before a verifier waits for it: the first reading of a long log takes a while.
    package func readLog(observe: @Sendable (Event) -> Void) async throws(AttesterError) {
        _ = try await hello(observe)
    }

    /// Attests over a connection until the verifier ends it, or after one verdict.
    ///
    /// - Parameters:
    ///   - renewal: how the agent's certificate is renewed when it is due; nil leaves it to others.
    ///   - endsWhenRenewed: whether to end also after the verdict that follows a renewal, so that the next connection is
    ///     made with the new certificate: this one ends with the old certificate's validity.
    /// - Returns: the last verdict; nil if the verifier closed before there was one.
    /// - Throws: `AttesterError` for our own side and for a refusal.
    package func attest(
        over connection: AgentConnection, once: Bool, renewal: CertificateRenewal? = nil,
        endsWhenRenewed: Bool = false, observe: @escaping @Sendable (Event) -> Void
    ) async throws(AttesterError) -> AttestationResult? {
        // Awaited at the end, too: whoever returns from here must be able to let the TPM's key go.
        async let _: Void = readOn(observe)
        let binding = AttesterSession.Binding(
            agentID: agentID, attestationKeyName: attestationKeyName, exporter: connection.peer.exporter)
        do {
            return try await converse(
                AttesterSession(binding: binding), connection, once: once, renewal, endsWhenRenewed, observe)
        } catch {
            await connection.close(sending: error.answer.map(AgentMessage.status))
            throw error
        }
    }
}

extension Attester {
    private static let readingInterval = Duration.seconds(10)

    /// Reads the log on while the verifier is silent, so that little is left to read once it asks. What goes wrong with
    /// it goes wrong in the next round, too, and is told there.
    private func readOn(_ observe: @Sendable (Event) -> Void) async {
        while (try? await Task.sleep(for: Self.readingInterval)) != nil {
            try? log.goOn()
            for notice in log.takeNotices() { observe(.notice(notice)) }
        }
    }

    private func converse(
        _ begun: AttesterSession, _ connection: AgentConnection, once: Bool, _ renewal: CertificateRenewal?,
        _ endsWhenRenewed: Bool, _ observe: @Sendable (Event) -> Void
    ) async throws(AttesterError) -> AttestationResult? {
        var session = begun
        var isRenewed = false
        said = try await hello(observe)
        try await send(.hello(said), connection)
        try await renew(renewal, &session, connection, observe)
        var last: AttestationResult?
        while let message = try await receive(connection) {
            if case .challenge(let challenge) = message { observe(.challenged(firstRecord: challenge.firstRecord)) }
            let actions = session.receive(message)
            if case .certificate(let issued) = actions.first, accept(issued, renewal, observe) { isRenewed = true }
            let verdict = try await perform(actions, &session, connection, observe)
            last = verdict ?? last
            guard verdict != nil else { continue }
            if once || isRenewed && endsWhenRenewed { break }
            try await renew(renewal, &session, connection, observe)
        }
        await connection.close()
        return last
    }

    /// Asks for a new certificate if it is time. A failure is told; there is a third of the certificate's life left.
    private func renew(
        _ renewal: CertificateRenewal?, _ session: inout AttesterSession, _ connection: AgentConnection,
        _ observe: @Sendable (Event) -> Void
    ) async throws(AttesterError) {
        let request: RenewRequest?
        do {
            request = try renewal?.request()
        } catch {
            return observe(.renewal(.failure(RenewalFailure(description: "\(error)"))))
        }
        guard let request else { return }
        _ = try await perform(session.renew(request), &session, connection, observe)
    }

    /// - Returns: whether there is a new certificate.
    private func accept(
        _ issued: CertificateIssued, _ renewal: CertificateRenewal?, _ observe: @Sendable (Event) -> Void
    ) -> Bool {
        do {
            if let refusal = issued.refusal { throw RenewalFailure(description: "the verifier refuses: \(refusal)") }
            try renewal?.accept(issued)
            observe(.renewal(.success(issued)))
            return renewal != nil && !issued.certificates.isEmpty
        } catch {
            observe(.renewal(.failure(RenewalFailure(description: "\(error)"))))
            return false
        }
    }

    /// What this agent could deliver. Hints, all of it: the verifier believes the quote.
    private func hello(_ observe: @Sendable (Event) -> Void) async throws(AttesterError) -> Hello {
        let clock: ClockInfo
        let banks: [PCRBank]
        do {
            clock = try await device.readClock()
            banks = try await device.activeBanks()
        } catch {
            throw AttesterError(.tpmUnusable, place: "TPM", problem: "\(error)")
        }
        defer { for notice in log.takeNotices() { observe(.notice(notice)) } }
        unread = nil
        do throws(AttesterError) {
            try log.refresh(epoch: BootEpoch(resetCount: clock.resetCount), banks: banks)
        } catch {
            guard error.code == .logBusy else { throw error }
            log.note(.unread(error))
            unread = error
        }
        let first = try log.firstRecord() ?? 0
        return Hello(
            agentID: agentID, attestationKeyName: attestationKeyName, firstRecord: first,
            nextRecord: first &+ log.nextRecord, banks: banks,
            pcrs: log.pcrs, isBigEndian: log.format.byteOrder == .big,
            maximumShardBytes: AttesterSession.maximumShardBytes,
            columnAlgorithm: log.format.column, resetCount: clock.resetCount, restartCount: clock.restartCount,
            bootID: BootID.current, softwareVersion: Array(softwareVersion.utf8))
    }

    /// Carries actions out, in order, and those that follow from them; returns the verdict if there was one.
    private func perform(
        _ actions: [AttesterSession.Action], _ session: inout AttesterSession, _ connection: AgentConnection,
        _ observe: @Sendable (Event) -> Void
    ) async throws(AttesterError) -> AttestationResult? {
        var verdict: AttestationResult?
        var pending = actions[...]
        while let action = pending.popFirst() {
            switch action {
            case .send(let message): try await send(message, connection)
            case .quote(let data, let selection, let first):
                pending += try await quote(data, selection, from: first, &session, observe)
            case .readShard(let first, let end, let maximumBytes):
                if transferBegan == nil { transferBegan = .now }
                let shard = try log.serve(first: first, end: end, maximumBytes: maximumBytes)
                pending += session.read(shard.records, count: shard.count, first: first)
            case .progress(let progress):
                let elapsed = transferBegan.map { ContinuousClock.now - $0 } ?? .zero
                observe(.progress(progress, TransferRate(progress, after: elapsed)))
            case .certificate: break  // taken where the message came
            case .verdict(let result):
                try log.conclude(next: result.nextRecord)
                observe(.verdict(result))
                verdict = result
            case .close(let reason, let isSent):
                await connection.close(sending: isSent ? .status(reason) : nil)
                throw AttesterError(.refused(reason), place: connection.peer.address, problem: "\(reason)")
            }
        }
        return verdict
    }

    /// The quote first, the log after it: so the log covers the quote.
    private func quote(
        _ data: [UInt8], _ selection: PCRSelection, from first: UInt64, _ session: inout AttesterSession,
        _ observe: @Sendable (Event) -> Void
    ) async throws(AttesterError) -> [AttesterSession.Action] {
        transferBegan = nil
        let quote: Quote
        do {
            quote = try await device.quote(qualifyingData: data, selection: selection)
        } catch {
            throw AttesterError(.tpmUnusable, place: "TPM", problem: "\(error)")
        }
        log.prove(by: quote.pcrValues)
        let now = try await hello(observe)
        log.prove(by: quote.pcrValues)
        guard !now.saysMore(than: said) else {
            said = now
            return session.restated(now)
        }
        // What is stored may be all there is; if it isn't, a verdict on it would be wrong.
        if let unread, !log.leads(to: quote.pcrValues) { throw unread }
        let received = ReceivedQuote(attest: quote.attest, signature: quote.signature, pcrValues: quote.pcrValues)
        return session.quoted(received, log: try log.extent(from: first))
    }

    private func receive(_ connection: AgentConnection) async throws(AttesterError) -> VerifierMessage? {
        do throws(TransportError) {
            return try await connection.receive()
        } catch {
            throw AttesterError(error, from: connection.peer.address)
        }
    }

    private func send(_ message: AgentMessage, _ connection: AgentConnection) async throws(AttesterError) {
        do throws(TransportError) {
            try await connection.send(message)
        } catch .closed {
            // The verifier may have refused before it was spoken to: why comes out of `receive`.
        } catch {
            throw AttesterError(error, from: connection.peer.address)
        }
    }
}

extension AttesterError {
    /// Why nothing comes from the verifier any more, or nothing gets there.
    init(_ error: TransportError, from address: String) {
        let code: Code =
            switch error {
            case .frame, .message, .deadlineExceeded: .unreadable(error.status)
            case .tls, .closed, .cancelled, .noAddress, .io: .verifierUnreachable
            }
        self.init(code, place: address, problem: "\(error)")
    }
}
