package import AssayCrypto
import Files
import Store
package import SystemPackage

/// What `init` makes: an authority, the server's certificate, the key of invitations, a store. It overwrites nothing.
package struct VerifierSetup: Sendable {
    /// The folder that all of it is in.
    package let folder: String

    /// Names a folder, which need not exist yet.
    package init(folder: String) {
        self.folder = folder
    }

    package var authorityCertificate: String { folder + "/ca/ca.pem" }
    package var authorityKey: String { folder + "/ca/ca.key" }
    package var invitationKey: String { folder + "/ca/invitation.key" }
    package var serverCertificate: ServerCertificate {
        ServerCertificate(chainFile: folder + "/tls/verifier.pem", keyFile: folder + "/tls/verifier.key")
    }
    package var store: FilePath { FilePath(folder).appending("store") }

    private var files: [String] {
        [
            authorityCertificate, authorityKey, invitationKey, serverCertificate.chainFile, serverCertificate.keyFile,
            store.appending("data.mdb").string,
        ]
    }

    /// The first of its files that is there already; nil if there is room for all.
    package var existing: String? { files.first { exists($0) } }

    /// Makes it all, or, if something fails, nothing, so that it can be tried again.
    ///
    /// - Parameters:
    ///   - names: of the server, as agents dial it.
    ///   - keyURI: an OpenSSL provider's URI for the authority's key; nil makes a key in a file.
    ///   - time: seconds since 1970.
    /// - Returns: the authority.
    package func make(
        names: [SubjectAlternativeName], keyURI: String?, at time: Int64
    ) async throws -> Issuer {
        if let existing { throw EnrolmentError(.alreadyThere, "\(existing) is there already") }
        do {
            return try await makeFiles(names: names, keyURI: keyURI, at: time)
        } catch {
            remove()
            throw error
        }
    }

    /// Removes the files that ``make(names:keyURI:at:)`` made, because what was to come after them has failed.
    package func remove() {
        for file in files + [store.appending("lock.mdb").string] { removeFile(at: file) }
    }

    private func makeFiles(
        names: [SubjectAlternativeName], keyURI: String?, at time: Int64
    ) async throws -> Issuer {
        for part in ["", "/ca", "/tls"] { try makePrivateFolder(at: folder + part) }
        let key: PrivateKey
        if let keyURI {
            key = try Issuer.privateKey(keyURI)
        } else {
            key = try PrivateKey(on: .p256)
            try replaceFile(at: authorityKey, with: try key.pem(), mode: 0o600)
        }
        let issuer = try Issuer(key: key, commonName: "Assay authority", at: time)
        try InvitationKey().write(to: invitationKey)
        try serverCertificate.make(names, by: issuer, at: time)
        try await makeStore()
        try replaceFile(at: authorityCertificate, with: try issuer.certificate.pem(), mode: 0o644)
        return issuer
    }

    private func makeStore() async throws {
        let opened = try Store(path: store)
        defer { opened.close() }
        try await opened.setIdentityMode(.token)
    }
}
