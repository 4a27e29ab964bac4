import Appraisal
import AssayCrypto
import Attester
import Enrolment
import Foundation
import Messages
import Server
import StandInKernel
import Store
import Synchronization
import SystemPackage
import TPM
import TestSupport
import Testing
import Transport

extension EndToEnd {
    @Suite("Clocks that are wrong") struct WrongClockTests {
        @Test("a verdict stamped later than now stands for no reader of it") func listed() async throws {
            try await Fleet.run { fleet in
                try await fleet.attest("ahead", .affirming, age: -7_200)
                let list = try await fleet.verifier(["agents", "list"])
                let line = try #require(list.output.split(separator: "\n").first { $0.hasPrefix("ahead") })
                let columns = line.split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) }
                #expect(columns.filter { !$0.isEmpty }.prefix(3) == ["ahead", "none", "in the future"])
                #expect(line.contains("unreachable") && !line.contains("affirming"))
                let show = try await fleet.verifier(["agents", "show", "ahead"])
                #expect(show.exit == 4 && show.output.contains("in the future when it was looked at"), "\(show.output)")
                #expect(show.output.contains("timedatectl"))
                let json = try #require(try await fleet.verifier(["agents", "list", "--json"]).objects().first)
                #expect(json["agent"] as? String == "ahead" && json["tier"] as? String == "none")
                #expect(json["state"] as? String == "unreachable" && json["last_tier"] as? String == "affirming")
                #expect(json["age_seconds"] is NSNull && json["is_in_the_future"] as? Bool == true)
            }
        }

        @Test("a running verifier tells hooks and metrics of it, once, and keeps that it doesn't stand")
        func told() async throws {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                let store = try Store(path: FilePath(installation.path("store")))
                let id = try AgentID(Host.id)
                try await store.commitVerdict(of: id, challengedAt: now() + 72_000)
                store.close()
                for start in 1...2 {
                    let verifier = try await installation.serve()
                    let port = try verifier.monitoringPort()
                    try await until("the verdict is withdrawn") { try installation.snapshot().withdrawnAt != nil }
                    let samples = try Samples(port: port)
                    #expect(samples[#"assay_agents{tier="none"}"#] == 1)
                    #expect(samples[#"assay_agents_by_state{state="unreachable"}"#] == 1)
                    #expect(try #require(samples["assay_oldest_verdict_age_seconds"]) < 60)
                    #expect(samples["assay_newest_verdict_age_seconds"]?.isNaN == true)
                    verifier.send(SIGTERM)
                    #expect(try await verifier.exitCode(seconds: 20) == 0)
                    let told = verifier.output.components(separatedBy: "tier changed").count - 1
                    // What the first has told isn't told by the second.
                    #expect(told == (start == 1 ? 1 : 0), "\(verifier.output)")
                }
                let history = try installation.verifier(["agents", "history", Host.id])
                #expect(try await history.exitCode() == 0)
                #expect(history.output.components(separatedBy: "the last verdict doesn't stand").count == 2)
            }
        }

        @Test("a server certificate of tomorrow is issued anew, and hosts can join at once") func server() async throws
        {
            try await InvitingVerifier.run { verifier in
                let token = try await verifier.invite()
                // The clock is ahead by 100 days for a while.
                #expect(try verifier.identity.refresh(at: now() + 100 * 86_400))
                #expect(verifier.identity.problem(at: now() + 100 * 86_400) == nil)
                let problem = try #require(verifier.identity.problem(at: now()))
                #expect(problem.contains("valid only in 99 days") && problem.contains("issued anew"), "\(problem)")
                await #expect(throws: (any Error).self) { try await verifier.dial(token) }
                // A start and each check mend it.
                #expect(try verifier.identity.refresh(at: now()))
                #expect(verifier.identity.problem(at: now()) == nil)
                let connection = try await verifier.dial(token)
                await connection.close()
            }
        }

        @Test("a client certificate that ends under an open connection ends it, with what to do") func client()
            async throws
        {
            try await InvitingVerifier.run { verifier in
                let host = try await JoiningHost()
                let certificate = try await host.join(verifier, try await verifier.invite()).certificates[0]
                let connection = try await verifier.dial(certificate, host.key)
                verifier.clock.pass(91 * 86_400)
                try await connection.send(.renewRequest(RenewRequest(certificateRequest: [])))
                guard case .status(let status)? = try await connection.receive() else { throw Unexpected("no Status") }
                #expect(status.code == .unauthenticated && status.message.contains("has expired"))
                await connection.close()
                #expect(try verifier.store.verdict(of: AgentID("web-1")) == nil)
            }
        }

        @Test("an agent keeps its certificate rather than one that is valid only later") func renewal() async throws {
            let key = try PrivateKey(on: .p256)
            let issuer = try Issuer(key: PrivateKey(on: .p256), commonName: "a", at: 0)
            let ahead = try issuer.issue(to: AgentID("web-1"), for: key.publicKey, at: 100_000)
            let issued = CertificateIssued(
                agentID: Array("web-1".utf8), certificates: [ahead.der], authorities: [issuer.certificate.der])
            #expect(try CertificateRenewal.check(issued, for: key.publicKey, at: 100_000) == ahead)
            let refusal = #expect(throws: Status.self) {
                try CertificateRenewal.check(issued, for: key.publicKey, at: 50_000)
            }
            #expect(refusal?.message.contains("valid only in 12 hours") == true)
            #expect(try CertificateRenewal.check(issued, for: key.publicKey) == ahead)
        }

        @Test("an agent whose clock is ahead doesn't renew on each connection, and renews before the end")
        func clockAhead() throws {
            let key = try PrivateKey(on: .p256)
            let issuer = try Issuer(key: PrivateKey(on: .p256), commonName: "a", at: 0)
            let own = try issuer.issue(to: AgentID("web-1"), for: key.publicKey, at: 100_000)
            let end = try #require(own.notAfter)
            let schedule = RenewalSchedule()
            #expect(!schedule.isDue(own, at: 100_000))
            // Nine tenths of its life are over by this clock, though it is new.
            let now = end - 900
            #expect(schedule.isDue(own, at: now))
            schedule.renewed(own, at: now)
            #expect(!schedule.isDue(own, at: now) && !schedule.isDue(own, at: now + 599))
            #expect(schedule.isDue(own, at: now + 600))
            // Set right, the clock says that it is young.
            #expect(!schedule.isDue(own, at: 100_000))
        }

        @Test(
            "a service's connection ends once its certificate is renewed: the next one is made with that",
            .timeLimit(.minutes(1)))
        func renewed() async throws {
            try await InvitingVerifier.run(ago: 61 * 86_400) { verifier in
                let host = try await JoiningHost()
                let first = try await host.join(verifier, try await verifier.invite()).certificates[0]
                verifier.clock.pass(61 * 86_400)
                let renewed = Mutex<[UInt8]?>(nil)
                let renewal = CertificateRenewal {
                    RenewRequest(certificateRequest: try CertificateRequest(for: host.key).der)
                } accept: { issued in
                    let own = try CertificateRenewal.check(issued, for: host.key.publicKey, at: now())
                    renewed.withLock { $0 = own.der }
                }
                let attester = try host.attester("web-1", in: verifier.folder)
                let connection = try await verifier.dial(first, host.key)
                let verdict = try await attester.attest(
                    over: connection, once: false, renewal: renewal, endsWhenRenewed: true
                ) { _ in }
                #expect(verdict != nil)
                let second = try #require(renewed.withLock { $0 })
                let next = try await verifier.dial(second, host.key)
                await next.close()
            }
        }

        @Test("an own PKI's certificate that isn't valid is told by the log, by health and by --check")
        func ownPKI() async throws {
            let log = try KernelLogs.prefix(10)
            try await Installation.run(allowing: log) { installation in
                let expired = installation.path("expired.pem")
                try installation.workshop.pki.expire("verifier", as: expired)
                let setting = "tls.certificate=\(expired)"
                let check = try installation.verifier([
                    "serve", "--check", "--config", installation.path("verifier.yaml"), "--set", setting,
                ])
                #expect(try await check.exitCode() == 2)
                #expect(check.output.contains("has been invalid for"), "\(check.output)")
                #expect(!check.output.contains("can be used"))
                let verifier = try await installation.serve(settings: [setting])
                let health = try httpGet(port: try verifier.monitoringPort(), path: "/healthz")
                #expect(health.status == 503 && health.body.contains("has been invalid for"), "\(health.body)")
                #expect(verifier.output.contains("your PKI"))
                // The file is read again once a minute; a restart finds what the PKI has issued meanwhile.
                verifier.kill()
                let mended = try await installation.serve()
                #expect(try httpGet(port: try mended.monitoringPort(), path: "/healthz").status == 200)
                mended.kill()
            }
        }
    }
}

extension Store {
    /// A verdict as a verifier gives it whose clock tells this time.
    fileprivate func commitVerdict(of id: AgentID, challengedAt time: Int64) async throws {
        let clock = ClockInfo(clock: 1, resetCount: 7, restartCount: 0, isSafe: true)
        let outcome = Outcome(
            agent: id, basis: try snapshot(of: id).basis,
            quote: try SyntheticTPM.verifiedQuote(clock, over: PCRSelection([.init(.sha256, PCRSet([10]))])),
            appraisal: nil, tier: .affirming, appraisedRecords: 0, excessRecords: 0, findings: Findings(),
            challengedAt: time, givenAt: time)
        guard case .committed = try await commit(outcome) else { throw Unexpected("nothing committed") }
    }
}

extension TestPKI {
    /// A certificate like another one, for the same key, that ended two days ago.
    fileprivate func expire(_ name: String, as file: String) throws {
        func contents(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path(name)))) }
        let authority = try CertificateAuthority(
            certificate: try Certificate.all(inPEM: contents("ca.pem"))[0], key: PrivateKey(pem: contents("ca.key")))
        let valid = try Certificate.all(inPEM: contents("\(name).pem"))[0]
        let template = CertificateTemplate(
            commonName: name, names: valid.subjectAlternativeNames, purpose: .server, notBefore: now() - 864_000,
            notAfter: now() - 172_800)
        try Data(try authority.issue(template, for: valid.publicKey()).pem()).write(to: URL(filePath: file))
    }
}
