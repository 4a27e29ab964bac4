internal import CTSS2
internal import Files
internal import Glibc

extension TPMDevice {
    /// How long a TPM that doesn't answer is waited for: another program may hold it.
    package struct Patience: Sendable {
        /// When the operator is told; of each later call that takes as long, too.
        package var silence = Duration.seconds(2)
        /// When it is given up.
        package var limit = Duration.seconds(30)

        package init() {}
    }

    /// Opens a TPM, and waits until it answers.
    ///
    /// - Parameters:
    ///   - tcti: tpm2-tss's name for the way to it.
    ///   - tell: is given a sentence when the wait becomes long.
    /// - Throws: `.busy` if it doesn't answer in time.
    package static func open(
        tcti: String, patience: Patience = Patience(), tell: @escaping @Sendable (String) -> Void
    ) async throws(TPMDeviceError) -> TPMDevice {
        let (events, continuation) = AsyncStream.makeStream(of: Wait.self)
        // A call that blocks can't be cancelled: it is left behind if it takes too long.
        let attempt = Task.detached { continuation.yield(.over(await connect(tcti))) }
        let clock = Task.detached {
            guard (try? await Task.sleep(for: patience.silence)) != nil else { return }
            continuation.yield(.long)
            guard (try? await Task.sleep(for: patience.limit - patience.silence)) != nil else { return }
            continuation.yield(.tooLong)
        }
        defer {
            attempt.cancel()
            clock.cancel()
        }
        for await event in events {
            switch event {
            case .over(let result):
                let device = try result.get()
                device.remember()
                device.executor.tell(
                    .init(patience: patience.silence) {
                        let holders = TCTIName(tcti).holders.words
                        tell("waiting for the TPM at \(tcti): it is at work, or another program holds it\(holders)")
                    })
                return device
            case .long:
                let holders = TCTIName(tcti).holders.words
                tell("waiting for the TPM at \(tcti): another program may hold it\(holders)")
            case .tooLong: throw TPMDeviceError(.busy(patience.limit, TCTIName(tcti).holders), in: "TPM at \(tcti)")
            }
        }
        throw TPMDeviceError(.busy(patience.limit, []), in: "TPM at \(tcti)")  // the waiting task is cancelled
    }

    private enum Wait: Sendable {
        case over(Result<TPMDevice, TPMDeviceError>)
        case long
        case tooLong
    }

    /// Opens a device file again and again as long as another program has it open, as only one can at a time.
    private static func connect(_ tcti: String) async -> Result<TPMDevice, TPMDeviceError> {
        while true {
            do throws(TPMDeviceError) {
                let device = try TPMDevice(tcti: tcti)
                // A socket is open before whoever has it lets the TPM answer.
                try await device.answer()
                return .success(device)
            } catch {
                guard case .unreachable(.device(_, EBUSY), _) = error.code,
                    (try? await Task.sleep(for: .milliseconds(200))) != nil
                else { return .failure(error) }
            }
        }
    }

    /// Asks for what every TPM has ready at once.
    private func answer() throws(TPMDeviceError) {
        _ = try esys.capability(TPM2_CAP(TPM2_CAP_TPM_PROPERTIES), from: ASSAY_PT_FAMILY)
    }
}
