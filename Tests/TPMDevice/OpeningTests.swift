import AssayCrypto
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import TPMDevice

/// A program that has a connection to a software TPM, which serves one at a time.
private final class Holder: Sendable {
    let id: Int32
    private let process: Mutex<ChildProcess>

    init(of tpm: SoftwareTPM) async throws {
        let child = try ChildProcess("bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(tpm.port); exec sleep 600"])
        id = child.id
        process = Mutex(child)
        for _ in 0..<1000 where TCTIName(tpm.tcti).holders.first?.program != "sleep" {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    var isRunning: Bool { process.withLock { $0.isRunning } }

    func end() { process.withLock { $0.end() } }
}

@Suite("Opening a TPM") struct OpeningTests {
    private static func patience(_ silence: Duration, _ limit: Duration) -> TPMDevice.Patience {
        var patience = TPMDevice.Patience()
        (patience.silence, patience.limit) = (silence, limit)
        return patience
    }

    @Test("that answers is done without a word")
    func free() async throws {
        let tpm = try SoftwareTPM()
        let device = try await TPMDevice.open(tcti: tpm.tcti) { Issue.record("\($0)") }
        #expect(try await device.activeBanks().contains(.sha256))
    }

    @Test("that another program holds: it is said who does, and after the limit it is an error")
    func held() async throws {
        let tpm = try SoftwareTPM()
        let holder = try await Holder(of: tpm)
        let told = Mutex<[String]>([])
        let error = await #expect(throws: TPMDeviceError.self) {
            try await TPMDevice.open(tcti: tpm.tcti, patience: Self.patience(.milliseconds(50), .seconds(2))) { words in
                told.withLock { $0.append(words) }
            }
        }
        let who = "sleep (process \(holder.id))"
        let words = told.withLock { $0 }
        #expect(words.count == 1 && words.first?.contains("waiting for the TPM at") == true, "\(words)")
        #expect(words.first?.contains(who) == true, "\(words)")
        guard case .busy(_, [FileHolder(process: holder.id, program: "sleep")]) = error?.code else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.description.contains(who) == true)
        #expect(error?.remedy.contains("end the program that holds it") == true)
    }

    @Test("that another program holds for a while: it opens once that lets go")
    func heldForAWhile() async throws {
        let tpm = try SoftwareTPM()
        let holder = try await Holder(of: tpm)
        let device = try await TPMDevice.open(
            tcti: tpm.tcti, patience: Self.patience(.milliseconds(50), .seconds(600))
        ) { _ in holder.end() }
        #expect(!holder.isRunning)
        _ = try await device.readClock()
    }

    @Test("is no end of that: what another program holds up later is told, too")
    func heldLater() async throws {
        let tpm = try SoftwareTPM()
        let told = Mutex<[String]>([])
        let holder = Mutex<Holder?>(nil)
        let device = try await TPMDevice.open(
            tcti: tpm.tcti, patience: Self.patience(.milliseconds(300), .seconds(600))
        ) { words in
            told.withLock { $0.append(words) }
            holder.withLock { $0 }?.end()
        }
        let later = try await Holder(of: tpm)
        let who = "sleep (process \(later.id))"
        holder.withLock { $0 = later }
        _ = try await device.readClock()
        #expect(told.withLock { $0.last?.contains(who) } == true, "\(told.withLock { $0 })")
    }

    @Test("that isn't there fails at once")
    func absent() async throws {
        let error = await #expect(throws: TPMDeviceError.self) {
            try await TPMDevice.open(
                tcti: "device:/nonexistent/tpm", patience: Self.patience(.seconds(600), .seconds(1200))
            ) { Issue.record("\($0)") }
        }
        guard case .unreachable = error?.code else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("who has a device open is told by its path")
    func deviceHolders() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "assay-tpm-\(UUID().uuidString)")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let name = TCTIName("device:\(file.path)")
        #expect(name.holders == [])
        let child = try ChildProcess("sh", ["-c", "exec sleep 600 <'\(file.path)'"])
        for _ in 0..<1000 where name.holders.first?.program != "sleep" { try await Task.sleep(for: .milliseconds(10)) }
        #expect(name.holders == [FileHolder(process: child.id, program: "sleep")])
        #expect(TCTIName("swtpm:path=/run/x").holders == [] && TCTIName("tabrmd").holders == [])
    }
}
