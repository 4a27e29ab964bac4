import AssayCrypto
package import Shards
package import SystemPackage
import TPM
package import TPMDevice

/// What an operator does with this host's shards, beside an agent that runs or without one.
package struct LogKeeper: Sendable {
    private let device: TPMDevice
    let logPath: FilePath
    let settings: MeasurementLog.Settings

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
        let now = try await boot()
        let log = MeasurementLog(path: logPath, settings: settings)
        let before = (try? ShardReader(root: settings.directory, epoch: now.epoch))?.index.nextRecord ?? 0
        try log.refresh(epoch: now.epoch, banks: now.banks)
        return Snapshot(
            epoch: now.epoch, recordsBefore: before, records: log.nextRecord, notices: log.takeNotices())
    }

    /// Gives this boot's whole log, brought up to date, in parts of about 1 MiB: first what the shards have, then
    /// what only the kernel has because the shards have no room for it.
    ///
    /// - Returns: what is noteworthy.
    package func forEachPart(
        _ body: ([UInt8]) -> Void
    ) async throws(AttesterError) -> [LogNotice] {
        let now = try await boot()
        let log = MeasurementLog(path: logPath, settings: settings)
        try log.refresh(epoch: now.epoch, banks: now.banks)
        try log.forEachPart { body($0) }
        return log.takeNotices()
    }

    /// The boot, as the TPM tells it, and the banks that have PCRs.
    typealias Boot = (epoch: BootEpoch, banks: [PCRBank])

    func boot() async throws(AttesterError) -> Boot {
        do {
            let clock = try await device.readClock()
            return (BootEpoch(resetCount: clock.resetCount), try await device.activeBanks())
        } catch {
            throw AttesterError(.tpmUnusable, place: "TPM", problem: "\(error)")
        }
    }

    func values(_ banks: [PCRBank], _ pcrs: PCRSet) async throws(AttesterError) -> PCRValues {
        do {
            return try await device.readPCRs(PCRSelection(banks: banks, pcrs: pcrs))
        } catch {
            throw AttesterError(.tpmUnusable, place: "TPM", problem: "\(error)")
        }
    }
}
