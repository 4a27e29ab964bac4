import AssayCrypto
import Messages
import Testing

@Suite("A join token") struct JoinTokenTests {
    private func token(_ host: String = "verifier.example.org") throws -> JoinToken {
        try JoinToken(
            host: host, port: 7443, authority: PCRBank.sha256.digest(of: Array("ca".utf8)),
            secret: Secret((0..<16).map { UInt8($0) }))
    }

    @Test(
        "reads what it writes",
        arguments: [
            "v", "192.0.2.7", "::1", "xn--bcher-kva.example", String(repeating: "abcdef.", count: 35) + "abcdefgh",
        ])
    func roundTrip(host: String) throws {
        let token = try token(host)
        let read = try JoinToken(token.text)
        #expect(read == token)
        #expect(read.text == token.text)
        #expect(read.hash == PCRBank.sha256.digest(of: token.secret.bytes).bytes)
    }

    @Test(
        "is made for no host that can't be dialled",
        arguments: ["", "[::1", "v.example:7443", "10.0.0.256", "bücher.example"])
    func hosts(host: String) {
        #expect(throws: JoinTokenError.notAHost) { try token(host) }
    }

    @Test("is one word that a shell and a double click take whole")
    func shape() throws {
        let text = try token().text
        #expect(text.hasPrefix("assayjoin1_"))
        #expect(text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x5f })
        #expect(text.count < 150)
    }

    @Test("in capitals is the same")
    func capitals() throws {
        #expect(try JoinToken(try token().text.uppercased()) == token())
    }

    @Test("with any character changed, left out or doubled is refused")
    func slips() throws {
        let token = try token()
        let text = Array(token.text)
        for index in 11..<text.count {
            for character in "0z7" where character != text[index] {
                var changed = text
                changed[index] = character
                // The last digit has bits to spare, which must be zero.
                #expect(throws: JoinTokenError.malformed) { try JoinToken(String(changed)) }
            }
            var cut = text
            cut.remove(at: index)
            #expect(throws: JoinTokenError.malformed) { try JoinToken(String(cut)) }
            var doubled = text
            doubled.insert(text[index], at: index)
            #expect(throws: JoinTokenError.malformed) { try JoinToken(String(doubled)) }
        }
    }

    @Test("prints without its secret, and so does what a TPM has opened")
    func printing() throws {
        let token = try token()
        let response = CredentialResponse(secret: token.secret)
        for text in ["\(token)", String(reflecting: token), "\(AgentMessage.credentialResponse(response))"] {
            #expect(text.contains("<secret>"))
            #expect(!text.contains(token.text) && !text.contains("12, 13") && !text.contains("0c0d"))
        }
    }

    @Test("of another kind or version says so")
    func others() throws {
        #expect(throws: JoinTokenError.notAToken) { try JoinToken("") }
        #expect(throws: JoinTokenError.notAToken) { try JoinToken("assay-agent") }
        #expect(throws: JoinTokenError.malformed) { try JoinToken("assayjoin1_") }
        #expect(throws: JoinTokenError.malformed) { try JoinToken("assayjoin1_" + String(repeating: "0", count: 5000)) }
        let newer = try token().text.replacing("assayjoin1_", with: "assayjoin2_")
        #expect(throws: JoinTokenError.otherVersion) { try JoinToken(newer) }
        for error in [JoinTokenError.notAToken, .otherVersion, .malformed] {
            #expect(error.description.contains(";"), "it names the next step")
        }
    }

    @Test("can't be made of a host or a secret that doesn't fit")
    func limits() throws {
        let authority = PCRBank.sha256.digest(of: [1])
        let secret = Secret([UInt8](repeating: 0, count: 16))
        #expect(throws: JoinTokenError.self) { try JoinToken(host: "", port: 1, authority: authority, secret: secret) }
        #expect(throws: JoinTokenError.self) {
            try JoinToken(host: String(repeating: "x", count: 256), port: 1, authority: authority, secret: secret)
        }
        #expect(throws: JoinTokenError.self) {
            try JoinToken(host: "v", port: 1, authority: authority, secret: Secret([]))
        }
    }
}

@Suite("The proof in a JoinRequest") struct JoinProofTests {
    private let request = JoinRequest(
        tokenHash: [1], agentID: [2], endorsementKeyPublic: [3], attestationKeyPublic: [4],
        endorsementKeyCertificate: [5], certificateRequest: [6], proof: [])

    @Test("changes with the secret, the connection and every field")
    func covers() throws {
        var proofs: Set<[UInt8]> = [try request.proof(secret: Secret([7]), exporter: [8])]
        proofs.insert(try request.proof(secret: Secret([9]), exporter: [8]))
        proofs.insert(try request.proof(secret: Secret([7]), exporter: [9]))
        let changes: [(inout JoinRequest) -> Void] = [
            { $0.tokenHash = [0] }, { $0.agentID = [0] }, { $0.endorsementKeyPublic = [0] },
            { $0.attestationKeyPublic = [0] }, { $0.endorsementKeyCertificate = [0] }, { $0.certificateRequest = [0] },
            // Bytes that move from a field to the next are told, too.
            {
                $0.agentID = [2, 3]; $0.endorsementKeyPublic = []
            },
        ]
        for change in changes {
            var changed = request
            change(&changed)
            proofs.insert(try changed.proof(secret: Secret([7]), exporter: [8]))
        }
        #expect(proofs.count == 3 + changes.count)
    }

    @Test("is the HMAC that the contract writes down")
    func value() throws {
        func sized(_ parts: [[UInt8]]) -> [UInt8] { parts.flatMap { [0, 0, 0, UInt8($0.count)] + $0 } }
        let hash = PCRBank.sha256.digest(of: sized([[1], [2], [3], [4], [5], [6]])).bytes
        let message = sized([Array("assay join v1".utf8), hash, [8]])
        let expected = try HashAlgorithm.sha256.authenticationCode(key: [7], message).bytes
        #expect(try request.proof(secret: Secret([7]), exporter: [8]) == expected)
    }
}
