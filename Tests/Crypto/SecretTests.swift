import AssayCrypto
import Bytes
import Testing

@Suite("A secret") struct SecretTests {
    private struct Holder {
        let name = "holder"
        let secret: Secret?
        let all: [String: Secret]
    }

    private let bytes: [UInt8] = (0..<32).map { $0 &+ 200 }

    @Test("prints as <secret>, whoever prints it and whatever holds it")
    func printing() {
        let secret = Secret(bytes)
        var dumped = ""
        dump(secret, to: &dumped)
        let own = ["\(secret)", String(describing: secret), String(reflecting: secret), secret.description]
        #expect(own.allSatisfy { $0 == "<secret>" })
        #expect(Mirror(reflecting: secret).children.isEmpty)
        let holder = Holder(secret: secret, all: ["a": secret])
        dump(holder, to: &dumped)
        for text in own + ["\(holder)", String(reflecting: holder), "\([secret])", dumped] {
            #expect(text.contains("<secret>") && !text.contains("201, 202") && !text.contains(bytes.hexadecimal))
        }
    }

    @Test("is equal to the same bytes alone")
    func equality() {
        #expect(Secret(bytes) == Secret(bytes) && Set([Secret(bytes), Secret(bytes)]).count == 1)
        #expect(Secret(bytes) != Secret(bytes.dropLast()) && Secret(bytes) != Secret(bytes.dropLast() + [0]))
    }

    @Test("in a PKCS #11 URI is left out")
    func pin() throws {
        #expect(PrivateKey.withoutPIN("pkcs11:object=a?pin-value=1234&x=y") == "pkcs11:object=a?pin-value=<secret>&x=y")
        #expect(PrivateKey.withoutPIN("pkcs11:object=a;PIN-value=12%2034") == "pkcs11:object=a;PIN-value=<secret>")
        #expect(PrivateKey.withoutPIN("pkcs11:object=assay") == "pkcs11:object=assay")
        let error = #expect(throws: CryptoError.self) { try PrivateKey(uri: "unknown:a?pin-value=1234") }
        #expect(error?.description.contains("1234") == false)
    }

    @Test("of a key pair doesn't come out of the key")
    func privateKey() throws {
        let key = try PrivateKey(on: .p256)
        var text = "\(key) \(String(reflecting: key))"
        dump(key, to: &text)
        #expect(!text.contains("BEGIN") && text.count < 2000)
    }
}
