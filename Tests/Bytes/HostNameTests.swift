import Bytes
import Testing

@Suite("A host's name") struct HostNameTests {
    @Test(
        "is a DNS name or an address",
        arguments: [
            "v", "verifier.example", "a-1.b_2.example", "xn--bcher-kva.example", "1a.example", "0.0.0.0", "192.0.2.7",
            "::", "::1",
            "2001:db8::1", "::ffff:192.0.2.7", String(repeating: "abcdefg.", count: 31) + "abcde",
        ])
    func good(text: String) {
        #expect(HostName(text)?.description == text)
    }

    @Test("may be an IPv6 address in brackets, which are none of it", arguments: ["::1", "::", "fe80::1"])
    func brackets(address: String) {
        #expect(HostName("[\(address)]")?.description == address)
        #expect(HostName("[\(address)]") == HostName(address))
    }

    @Test(
        "is nothing else",
        arguments: [
            "", " ", ".", "a b", "-x", "x-", "a..b", "a.", ".a", "*.example", "verifier.example:7443",
            "https://verifier.example",
            "10.0.0.256", "10.0.0.1/24", "10.0.0", "1", "0x7f000001", "v.0X1", "fe80::1%eth0", "[fe80::1%eth0]",
            "[::1]:7443",
            "[::1", "::1]", "[[::1]]", "[]", "[192.0.2.7]", "[v.example]", ":::", "1::2::3", "b\u{fc}cher.example",
            "a\0b",
            "::1\0", "a\n", String(repeating: "x", count: 64), String(repeating: "abcdefg.", count: 31) + "abcdef",
        ])
    func bad(text: String) {
        #expect(HostName(text) == nil)
    }

    @Test("with a port is read and written, an IPv6 address in brackets")
    func port() {
        for text in ["v.example:7443", "192.0.2.7:1", "[::1]:65535"] {
            #expect(HostAndPort(text)?.description == text)
        }
        for text in [
            "", ":", "v", "v:", ":1", "v:0", "v:65536", "v:+1", "v: 1", "v:1x", "::1:7443", "[::1]", "[[::1]]:7443",
            "a b:1",
            "https://v:7443",
        ] { #expect(HostAndPort(text) == nil, "\(text)") }
        #expect(HostAndPort("[::1]:7443")?.host.description == "::1" && HostAndPort("[::1]:7443")?.port == 7443)
        #expect(HostName.loopback.withPort(0) == "127.0.0.1:0")
    }
}
