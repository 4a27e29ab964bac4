import Foundation
import Transport

/// Certificates of one test run, made with the openssl command in a folder that goes with `remove()`.
struct TestPKI {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "assay-transport-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("[req]\ndistinguished_name = dn\n[dn]\n".utf8).write(to: folder.appending(path: "openssl.cnf"))
        try make("ca", issuer: nil, ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"])
        try make("other-ca", issuer: nil, ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"])
        try make(
            "verifier", issuer: "ca", ["subjectAltName=DNS:verifier.test,IP:127.0.0.1", "extendedKeyUsage=serverAuth"])
        try make("agent", issuer: "ca", ["subjectAltName=URI:urn:assay:agent:web-1", "extendedKeyUsage=clientAuth"])
        try make("nameless", issuer: "ca", ["extendedKeyUsage=clientAuth"])
        try make("stranger", issuer: "other-ca", ["subjectAltName=URI:urn:assay:agent:web-1"])
    }

    func remove() {
        try? FileManager.default.removeItem(at: folder)
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    func credentials(_ name: String) -> TLSContext.Credentials {
        .init(certificateChainFile: path("\(name).pem"), privateKeyFile: path("\(name).key"))
    }

    func server(_ protocols: [ApplicationProtocol] = [.attest], trusting root: String = "ca") throws -> TLSContext {
        try .server(credentials: credentials("verifier"), trustRootsFile: path("\(root).pem"), protocols: protocols)
    }

    func client(
        _ name: String?, _ protocol: ApplicationProtocol = .attest, trusting root: String = "ca"
    ) throws -> TLSContext {
        try .client(
            credentials: name.map(credentials), trustRootsFile: path("\(root).pem"), protocol: `protocol`)
    }

    private func make(_ name: String, issuer: String?, _ extensions: [String]) throws {
        var arguments = [
            "req", "-x509", "-config", path("openssl.cnf"), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "1", "-subj", "/CN=\(name)", "-keyout", path("\(name).key"), "-out", path("\(name).pem"),
        ]
        if let issuer { arguments += ["-CA", path("\(issuer).pem"), "-CAkey", path("\(issuer).key")] }
        try runOpenSSL(arguments + extensions.flatMap { ["-addext", $0] })
    }
}

/// Runs a short openssl command to its end.
func runOpenSSL(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw OpenSSLFailed(arguments: arguments, status: process.terminationStatus)
    }
}

private struct OpenSSLFailed: Error {
    let arguments: [String]
    let status: Int32
}

/// The contexts that the tests share. They are in memory: the folder is gone once they are made.
struct TestContexts {
    let verifier, openVerifier, joinVerifier, verifierTrustingOther: TLSContext
    let agent, bareAgent, namelessAgent, strangerAgent, agentTrustingOther, joiner, serverAsAgent: TLSContext

    static let shared = Result { try TestContexts() }

    private init() throws {
        let pki = try TestPKI()
        defer { pki.remove() }
        verifier = try pki.server()
        openVerifier = try pki.server([.attest, .join])
        joinVerifier = try pki.server([.join])
        verifierTrustingOther = try pki.server(trusting: "other-ca")
        agent = try pki.client("agent")
        bareAgent = try pki.client(nil)
        namelessAgent = try pki.client("nameless")
        strangerAgent = try pki.client("stranger")
        agentTrustingOther = try pki.client("agent", trusting: "other-ca")
        joiner = try pki.client(nil, .join)
        serverAsAgent = try pki.client("verifier")
    }
}
