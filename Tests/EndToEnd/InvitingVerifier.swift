import AssayCrypto
import Attester
import Enrolment
import Foundation
import Messages
import NIOPosix
import Server
import ServiceLifecycle
import Store
import Synchronization
import SystemPackage
import TPM
import TPMDevice
import TestSupport
import Transport

/// A verifier that `init` has set up, in this process, with a clock that a test moves; gone when the body returns.
final class InvitingVerifier: Sendable {
    let folder: URL
    let setup: VerifierSetup
    let registrar: Registrar
    let identity: ServerIdentity
    let port: Int
    let clock: Clock

    var store: Store { registrar.store }

    /// Seconds since 1970, and as many more as a test has let pass.
    final class Clock: Sendable {
        private let passed: Mutex<Int64>
        var time: Int64 { now() + passed.withLock { $0 } }
        init(ago seconds: Int64) { passed = Mutex(-seconds) }
        func pass(_ seconds: Int64) { passed.withLock { $0 += seconds } }
    }

    private init(
        folder: URL, setup: VerifierSetup, registrar: Registrar, identity: ServerIdentity, port: Int, clock: Clock
    ) {
        self.folder = folder
        self.setup = setup
        self.registrar = registrar
        self.identity = identity
        self.port = port
        self.clock = clock
    }

    /// - Parameter seconds: how long ago it was set up; libssl's own clock can't be moved.
    static func run(
        ago seconds: Int64 = 0, _ body: (InvitingVerifier) async throws -> Void
    ) async throws {
        let clock = Clock(ago: seconds)
        let folder = FileManager.default.temporaryDirectory.appending(path: "assay-inviting-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let setup = VerifierSetup(folder: folder.appending(path: "verifier").path)
        _ = try await setup.make(names: [.ip([127, 0, 0, 1])], keyURI: nil, at: clock.time)
        let issuer = try Issuer(
            certificateFile: setup.authorityCertificate, key: setup.authorityKey, lifetimes: .init())
        let store = try Store(path: setup.store)
        defer { store.close() }
        let registrar = Registrar(
            store: store, issuer: issuer, invitationKey: try InvitationKey(file: setup.invitationKey))
        let identity = try ServerIdentity(
            credentials: .init(
                certificateChainFile: setup.serverCertificate.chainFile,
                privateKeyFile: setup.serverCertificate.keyFile),
            trustFile: setup.authorityCertificate, issuer: issuer, at: clock.time)
        var settings = SessionSettings()
        settings.identityMode = try store.identityMode()
        let log = RecordedLog()
        let server = try await VerifierServer(
            host: "127.0.0.1", port: 0, context: { identity.context }, group: MultiThreadedEventLoopGroup.singleton,
            services: SessionServices(
                store: store, settings: settings, registrar: registrar, time: { clock.time }), logger: log.logger)
        let services = ServiceGroup(services: [InvitingService(server: server)], logger: log.logger)
        try await withThrowingTaskGroup { group in
            group.addTask { try await services.run() }
            let verifier = InvitingVerifier(
                folder: folder, setup: setup, registrar: registrar, identity: identity, port: server.port,
                clock: clock)
            let result = await Result.of { try await body(verifier) }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            try result.get()
        }
    }

    /// A token.
    func invite(
        _ id: String? = "web-1", policy: String? = nil, uses: UInt32 = 1, seconds: Int64 = 3600
    ) async throws -> JoinToken {
        let (invitation, secret) = try InvitationKey(file: setup.invitationKey).invite(
            try id.map { try AgentID($0) }, policy: policy, uses: uses, seconds: seconds, at: clock.time)
        try await store.invite(invitation)
        return try JoinToken(
            host: "127.0.0.1", port: UInt16(port), authority: registrar.issuer.certificate.fingerprint, secret: secret)
    }

    /// A connection that has joined nothing yet.
    func dial(_ token: JoinToken) async throws -> AgentConnection {
        try await AssayDialer.connect(
            host: "127.0.0.1", port: port, context: .joining(authority: token.authority),
            group: MultiThreadedEventLoopGroup.singleton)
    }

    /// A connection with a certificate that was issued for a key.
    func dial(_ certificate: [UInt8], _ key: PrivateKey) async throws -> AgentConnection {
        let file = folder.appending(path: UUID().uuidString).path
        let text = try Certificate(der: certificate).pem() + key.pem()
        try Data(text).write(to: URL(filePath: file))
        return try await AssayDialer.connect(
            host: "127.0.0.1", port: port,
            context: .client(
                credentials: .init(certificateChainFile: file, privateKeyFile: file),
                trustRootsFile: setup.authorityCertificate), group: MultiThreadedEventLoopGroup.singleton)
    }
}

/// A host that joins, in this process: a software TPM with an attestation key, and a TLS key.
final class JoiningHost: Sendable {
    let tpm: SoftwareTPM
    let device: TPMDevice
    let key: PrivateKey
    private let heldKey: Mutex<AttestationKeyBlob>

    var attestationKey: AttestationKeyBlob { heldKey.withLock { $0 } }
    var attestationKeyName: [UInt8] {
        get throws { try PublicArea(tpm2bPublic: attestationKey.publicArea).name() }
    }

    init(_ kind: KeyKind = .p256) async throws {
        tpm = try SoftwareTPM()
        device = try TPMDevice(tcti: tpm.tcti)
        let attestationKey = try await device.createAttestationKey(kind)
        try await device.loadAttestationKey(attestationKey)
        heldKey = Mutex(attestationKey)
        key = try PrivateKey(on: .p256)
    }

    /// Makes another attestation key in the same TPM, as a host does that has lost its folder.
    func replaceAttestationKey() async throws {
        let other = try await device.createAttestationKey(attestationKey.kind)
        try await device.loadAttestationKey(other)
        heldKey.withLock { $0 = other }
    }

    /// What an operator enrols by hand.
    func agent(_ id: String) throws -> Agent {
        Agent(
            id: try AgentID(id), attestationKeyPublic: attestationKey.publicArea,
            attestationKeyName: try attestationKeyName, enrolledAt: now())
    }

    func join(
        _ verifier: InvitingVerifier, _ token: JoinToken, wishing id: String = "", key: PrivateKey? = nil
    ) async throws -> CertificateIssued {
        let joining = try await Joining(
            device: device, kind: attestationKey.kind, attestationKeyPublic: attestationKey.publicArea,
            key: key ?? self.key, token: token)
        return try await joining.join(over: try await verifier.dial(token), wishedID: Array(id.utf8))
    }

    /// Why the host may not join.
    func refusal(
        _ verifier: InvitingVerifier, _ token: JoinToken, wishing id: String = ""
    ) async throws -> String {
        do {
            _ = try await join(verifier, token, wishing: id)
            return "it has joined"
        } catch let error as AttesterError where error.code == .joiningRefused {
            return error.problem
        }
    }

    /// An agent with a log that shows nothing.
    func attester(_ id: String, in folder: URL) throws -> Attester {
        let log = folder.appending(path: "log-\(UUID().uuidString)")
        try Data().write(to: log)
        return Attester(
            device: device, attestationKeyName: try attestationKeyName,
            agentID: Array(id.utf8), logPath: FilePath(log.path),
            shards: MeasurementLog.Settings(directory: FilePath(folder.path).appending("shards")),
            softwareVersion: "test")
    }
}

private struct InvitingService: Service {
    let server: VerifierServer
    func run() async throws { await server.run() }
}
