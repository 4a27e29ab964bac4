import AssayCrypto
import Attester
import FolderKernel
import Glibc
import Shards
import Synchronization
import SystemPackage

/// A process of its own that keeps a modelled kernel's log as the agent does, and may be killed by itself at any event.
///
/// Usage: TrimmingAgent KERNEL SHARDS ROUNDS TRIMS EVENT: reads the log so many times, with pauses of up to 20 ms; TRIMS is
/// `staged` or `off`; EVENT counts what is done to files, the kernel's and the shards', from 1; 0 kills nothing. Prints what
/// it noticed, a line each, and then the number of events.
@main
enum TrimmingAgent {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 6, let rounds = Int(arguments[3]), let fatal = Int(arguments[5]) else { exit(2) }
        let events = Events(fatal: fatal)
        let kernel = FolderKernel(folder: FilePath(arguments[1])) { events.next() }
        let log = MeasurementLog(
            kernel: KernelLog(files: kernel) { usleep(UInt32(1000 << min($0, 5))) },
            settings: .init(
                directory: FilePath(arguments[2]), trims: arguments[4] == "staged", observe: { _ in events.next() }),
            kernelName: { "kernel" })
        for round in 0..<rounds {
            if round > 0 { usleep(UInt32.random(in: 0...20_000)) }
            do throws(AttesterError) {
                try log.refresh(epoch: BootEpoch(resetCount: 1), banks: [.sha256])
            } catch {
                guard error.code == .logBusy else { throw error }
            }
        }
        for notice in log.takeNotices() { print(notice) }
        print(events.count)
    }
}

/// Counts, and kills this process at one number.
private final class Events: Sendable {
    private let fatal: Int
    private let number = Mutex(0)

    init(fatal: Int) { self.fatal = fatal }

    var count: Int { number.withLock { $0 } }

    func next() {
        let number = number.withLock { number in
            number += 1
            return number
        }
        if number == fatal { kill(getpid(), SIGKILL) }
    }
}
