internal import Synchronization

extension TPMDevice {
    /// Removes from all TPMs that were opened what this process has loaded into them, once the call that is being carried
    /// out has been answered. None is carried out afterwards: the program is about to end.
    package static func closeAll() async {
        for device in openDevices.withLock({ $0 }) { await device.close() }
    }

    private func close() {
        attestationKey = nil
        executor.close()
    }

    /// From now on ``closeAll()`` includes it. It is kept until then: one that its last user lets go would be removing its
    /// keys at a moment that nobody waits for.
    nonisolated func remember() { openDevices.withLock { $0.append(self) } }
}

private let openDevices = Mutex<[TPMDevice]>([])
