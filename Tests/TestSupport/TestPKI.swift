package import Foundation

/// Certificates of one test run, made with the openssl command in a folder that goes with `remove()`.
///
/// `agent` is web-1's, `nameless` names nobody, and `stranger` says it is web-1 but is of another authority.
package struct TestPKI: Sendable {
    /// Where they are: a certificate is `NAME.pem`, its private key `NAME.key`.
    package let folder: URL

    /// Makes two authorities (`ca`, `other-ca`) and what they issued.
    package init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "assay-pki-\(UUID().uuidString)")
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

    /// Removes the folder.
    package func remove() {
        try? FileManager.default.removeItem(at: folder)
    }

    /// A file of the folder.
    package func path(_ name: String) -> String { folder.appending(path: name).path }

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
package func runOpenSSL(_ arguments: [String]) throws {
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
