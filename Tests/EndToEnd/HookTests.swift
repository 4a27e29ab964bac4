import Foundation
import StandInKernel
import TestSupport
import Testing

extension EndToEnd {
    @Suite("A hook that doesn't do its work") struct HookTests {
        @Test(
            "holds up no attestation, no health and no end", arguments: ["sleep 1000", "exit 1", "cat; sleep 1000 &"])
        func bad(script: String) async throws {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                try installation.setHook(script)
                try await installation.host.kernel.measure(log)
                let verifier = try await installation.serve()
                #expect(try await installation.attest() == 0, "\(verifier.output)")
                try await installation.host.kernel.measure(KernelRecords.file("/tmp/back door", content: [1]))
                #expect(try await installation.attest() == 1, "\(verifier.output)")
                let port = try #require(verifier.output.firstMatch(of: /metrics at http:\/\/127.0.0.1:(\d+)/)?.1)
                let health = try httpGet(port: try #require(Int(port)), path: "/healthz")
                #expect(health.status == 200, "\(health)")
                verifier.send(SIGTERM)
                #expect(try await verifier.exitCode(seconds: 20) == 0, "\(verifier.output)")
            }
        }
    }
}

extension Installation {
    /// Has each change of tier told to a shell's script, which may take a minute for it.
    fileprivate func setHook(_ script: String) throws {
        let program = workshop.folder.appending(path: "hook")
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: program)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program.path)
        let file = workshop.folder.appending(path: "verifier.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        try Data((text + "\nhooks: { command: \(program.path), timeout: 60 }\n").utf8).write(to: file)
    }
}
