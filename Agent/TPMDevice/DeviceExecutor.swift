internal import Dispatch
internal import Synchronization

/// Runs a TPM's calls one after the other, away from the threads that Swift's tasks share: a call blocks for up to
/// seconds while the TPM computes, and for as long as another program holds the TPM.
final class DeviceExecutor: SerialExecutor {
    /// What is done when a call takes long.
    struct Watch: Sendable {
        let patience: Duration
        let tell: @Sendable () -> Void
    }

    private let queue = DispatchQueue(label: "assay.tpm")
    private let isClosed = Atomic(false)
    private let watch = Mutex<Watch?>(nil)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async {
            // Whoever waits for it waits until the program ends.
            guard !self.isClosed.load(ordering: .relaxed) else { return }
            let timer = self.watch.withLock { $0 }.map { watch in
                Task.detached {
                    try await Task.sleep(for: watch.patience)
                    watch.tell()
                }
            }
            job.runSynchronously(on: self.asUnownedSerialExecutor())
            timer?.cancel()
        }
    }

    /// From now on somebody is told of each call that takes long.
    func tell(_ watch: Watch) { self.watch.withLock { $0 = watch } }

    /// Runs nothing more.
    func close() { isClosed.store(true, ordering: .relaxed) }
}
