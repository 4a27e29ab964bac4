internal import Dispatch

/// Runs a TPM's calls one after the other, away from the threads that Swift's tasks share: a call blocks for up to
/// seconds while the TPM computes.
final class DeviceExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "assay.tpm")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
