import Store
import Testing

@testable import Server

@Suite("Rounds that an agent brings about by connecting") struct RoundAllowanceTests {
    private let id: AgentID
    private let start = ContinuousClock.now

    init() throws { id = try AgentID("host") }

    @Test("are many in a row, then one in a while, whatever connection asks for them")
    func pace() {
        let allowance = RoundAllowance(.init(rounds: 4, seconds: 10))
        for _ in 0..<4 {
            #expect(allowance.wait(of: id, at: start) == nil)
            allowance.spend(id, at: start)
        }
        #expect(allowance.wait(of: id, at: start) == 11)
        #expect(allowance.wait(of: id, at: start + .seconds(9)) == 2)
        #expect(allowance.wait(of: id, at: start + .seconds(10)) == nil)
        allowance.spend(id, at: start + .seconds(10))
        #expect(allowance.wait(of: id, at: start + .seconds(10)) == 11)
        // After a while it is full again.
        for _ in 0..<4 {
            #expect(allowance.wait(of: id, at: start + .seconds(60)) == nil)
            allowance.spend(id, at: start + .seconds(60))
        }
        #expect(allowance.wait(of: id, at: start + .seconds(60)) != nil)
    }

    @Test("cost nothing until one is committed, and one agent's are no other's")
    func uncommitted() throws {
        let allowance = RoundAllowance(.init(rounds: 1, seconds: 10))
        for _ in 0..<100 { #expect(allowance.wait(of: id, at: start) == nil) }
        allowance.spend(id, at: start)
        #expect(allowance.wait(of: id, at: start) == 11)
        #expect(try allowance.wait(of: AgentID("other"), at: start) == nil)
    }

    @Test("by hand ten times, and by a scheduler every minute, are never too many")
    func usual() {
        let allowance = RoundAllowance(SessionSettings().allowance)
        for second in 0..<10 {
            #expect(allowance.wait(of: id, at: start + .seconds(second)) == nil)
            allowance.spend(id, at: start + .seconds(second))
        }
        for minute in 1...600 {
            #expect(allowance.wait(of: id, at: start + .seconds(minute * 60)) == nil)
            allowance.spend(id, at: start + .seconds(minute * 60))
        }
    }

    @Test("are as frequent as those that the verifier begins, where that is in a hurry")
    func hurried() {
        var settings = SessionSettings()
        #expect(settings.allowance.seconds == 15)
        settings.roundSeconds = 2
        #expect(settings.allowance.seconds == 2)
    }

    @Test("are excused once for each request of an operator")
    func excused() {
        let allowance = RoundAllowance(.init())
        #expect(allowance.excuses(id, for: 5) && !allowance.excuses(id, for: 5) && allowance.excuses(id, for: 6))
    }
}
