import AssayCrypto
package import Shards
package import SystemPackage
package import TPM
package import TPMDevice

/// What an operator does with this host's shards, beside an agent that runs or without one.
package struct LogKeeper: Sendable {
    private let device: TPMDevice
    private let logPath: FilePath
    private let settings: MeasurementLog.Settings

    /// - Parameter logPath: a securityfs folder, or a log's file.
    package init(device: TPMDevice, logPath: FilePath, settings: MeasurementLog.Settings) {
        self.device = device
        self.logPath = logPath
        self.settings = settings
    }

    /// What a snapshot came to.
    package struct Snapshot: Hashable, Sendable {
        /// The boot whose shards these are.
        package let epoch: BootEpoch
        /// Records stored before and after.
        package let recordsBefore: UInt64
        package let records: UInt64
        /// What is noteworthy.
        package let notices: [LogNotice]
    }

    /// Stores what is new in the kernel's log.
    package func snapshot() async throws(AttesterError) -> Snapshot {
        let now = try await epoch()
        let log = MeasurementLog(path: logPath, settings: settings)
        let before = (try? ShardReader(root: settings.directory, epoch: now.epoch))?.index.nextRecord ?? 0
        try log.refresh(epoch: now.epoch, banks: now.banks)
        return Snapshot(
            epoch: now.epoch, recordsBefore: before, records: log.nextRecord, notices: log.takeNotices())
    }

    /// What a replay of the shards came to.
    package struct Verification: Hashable, Sendable {
        /// The boot whose shards these are.
        package let epoch: BootEpoch
        /// Records that there are.
        package let records: UInt64
        /// How many of them it takes until the replay has the TPM's values; nil if it never has.
        package let matched: UInt64?
        /// The TPM's values of the PCRs that the log uses.
        package let values: PCRValues
        /// What is noteworthy.
        package let notices: [LogNotice]
    }

    /// Stores what is new and replays all of it towards the TPM's PCRs.
    ///
    /// - Throws: `.shards(.missing)` or `.shards(.damaged)`, with the shard's path.
    package func verify() async throws(AttesterError) -> Verification {
        let now = try await epoch()
        let log = MeasurementLog(path: logPath, settings: settings)
        // The PCRs come first, so that the log covers them; it tells only then which ones it uses.
        var pcrs = PCRSet([10])
        while true {
            let values = try await values(now.banks, pcrs)
            try log.refresh(epoch: now.epoch, banks: now.banks)
            guard log.pcrs == pcrs else {
                pcrs = log.pcrs
                continue
            }
            return Verification(
                epoch: now.epoch, records: log.nextRecord, matched: try log.replay(towards: values), values: values,
                notices: log.takeNotices())
        }
    }

    /// What came of the shards at a boot.
    package enum Cleaning: Hashable, Sendable {
        /// There were none of this boot; those of these boots are gone.
        case none(removed: [BootEpoch])
        /// With the kernel's log they replay to the PCRs: the host was started by kexec, or nothing but the agent was.
        case kept(records: UInt64, removed: [BootEpoch])
        /// They don't, and are gone.
        case wiped(reason: String, removed: [BootEpoch])
    }

    /// The rule of a boot: shards stay only if they and the kernel's log together replay to the TPM's PCRs.
    package func cleanAtBoot() async throws(AttesterError) -> Cleaning {
        let now = try await epoch()
        do throws(ShardError) {
            let epochs = try ShardReader.epochs(in: settings.directory)
            let others = epochs.filter { $0 != now.epoch }
            var writer = ShardWriter(
                root: settings.directory, epoch: now.epoch, banks: now.banks, options: settings.options,
                observe: settings.observe)
            guard epochs.contains(now.epoch) else {
                let lock = try writer.lock()
                try writer.removeOtherEpochs(holding: lock)
                return .none(removed: others)
            }
            let reason: String
            do throws(AttesterError) {
                // Nothing is freed by who may be about to remove what was stored.
                var reading = settings
                reading.trims = false
                let keeper = LogKeeper(device: device, logPath: logPath, settings: reading)
                let found = try await keeper.verify()
                if found.matched != nil { return .kept(records: found.records, removed: others) }
                reason = "shards and log of \(found.records) records don't replay to the TPM's PCRs"
            } catch {
                reason = "\(error)"
            }
            let lock = try writer.lock()
            try writer.removeOtherEpochs(holding: lock)
            try writer.startOver(holding: lock)
            return .wiped(reason: reason, removed: others)
        } catch {
            throw AttesterError(error)
        }
    }

    private func epoch() async throws(AttesterError) -> (epoch: BootEpoch, banks: [PCRBank]) {
        do {
            let clock = try await device.readClock()
            return (BootEpoch(resetCount: clock.resetCount), try await device.activeBanks())
        } catch {
            throw AttesterError(.tpmUnusable, place: "TPM", problem: "\(error)")
        }
    }

    private func values(_ banks: [PCRBank], _ pcrs: PCRSet) async throws(AttesterError) -> PCRValues {
        do {
            return try await device.readPCRs(PCRSelection(banks: banks, pcrs: pcrs))
        } catch {
            throw AttesterError(.tpmUnusable, place: "TPM", problem: "\(error)")
        }
    }
}
