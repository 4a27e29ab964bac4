package import Shards
import TPM

/// The rule of a boot: shards of other boots go. Those of this boot, as the TPM counts it, go only where the kernel's own log
/// has everything that was measured since the PCRs were reset: else nobody could restore them.
extension LogKeeper {
    /// What came of the shards at a boot.
    package struct Cleaning: Hashable, Sendable {
        /// What became of this boot's.
        package enum Outcome: Hashable, Sendable {
            /// There were none.
            case none
            /// With the kernel's log they lead to the PCRs: the host was started by kexec, or nothing but the agent was.
            case kept(records: UInt64)
            /// They are of the time before the PCRs were reset, and gone.
            case removed
            /// They don't lead to the PCRs, but to the values that these had once; nor does the kernel's log alone.
            case unfit(records: UInt64, matched: UInt64?)
        }

        /// What became of this boot's shards.
        package let outcome: Outcome
        /// The boots whose shards are gone.
        package let others: [BootEpoch]
        /// What is noteworthy, such as a kexec.
        package let notices: [LogNotice]
    }

    /// Removes what isn't of this boot.
    ///
    /// - Throws: if it can't be told whether shards and log lead to the PCRs; then this boot's shards stay.
    package func cleanAtBoot() async throws(AttesterError) -> Cleaning {
        let boot = try await boot()
        let (others, hasOwn) = try removeOthers(than: boot)
        guard hasOwn else { return Cleaning(outcome: .none, others: others, notices: []) }
        let log = untrimmedLog()
        do throws(AttesterError) {
            let found = try await verify(log, in: boot)
            let outcome: Cleaning.Outcome
            switch found.outcome {
            case .whole: outcome = .kept(records: found.records)
            case .broken(let matched): outcome = .unfit(records: found.records, matched: matched)
            case .superseded:
                let isRemoved = try await removeSuperseded(log, boot)
                outcome = isRemoved ? .removed : .unfit(records: found.records, matched: nil)
            }
            if case .unfit(let records, _) = outcome { remember(LogGap(before: records, .unfit), boot) }
            return Cleaning(outcome: outcome, others: others, notices: outcome == .removed ? [] : found.notices)
        } catch {
            let isDamaged = error.code == .shards(.damaged) || error.code == .shards(.missing)
            guard isDamaged, try await removeSuperseded(log, boot) else { throw error }
            return Cleaning(outcome: .removed, others: others, notices: [])
        }
    }

    /// Whether the shards of a boot can be written anew: the running kernel holds all records that are in them. For a boot
    /// before the newest, which nobody asks for any more, it is enough that its kernel never freed any.
    package static func isInKernel(
        _ epoch: BootEpoch, isNewest: Bool, _ settings: MeasurementLog.Settings
    ) -> Bool {
        do throws(ShardError) {
            let index = try ShardReader(root: settings.directory, epoch: epoch).index
            guard let kernel = index.kernel else { return index.nextRecord == 0 }
            return kernel.hasAll && (!isNewest || kernel.kernel == BootID.word)
        } catch {
            return error.code == .noShards
        }
    }

    private func removeOthers(
        than boot: Boot
    ) throws(AttesterError) -> (others: [BootEpoch], hasOwn: Bool) {
        do throws(ShardError) {
            var writer = writer(boot)
            let lock = try writer.lock()
            let epochs = try ShardReader.epochs(in: settings.directory)
            try writer.removeOtherEpochs(holding: lock)
            return (epochs.filter { $0 != boot.epoch }, epochs.contains(boot.epoch))
        } catch {
            throw AttesterError(error)
        }
    }

    /// Removes this boot's shards if the kernel's own log has all that they could be needed for.
    private func removeSuperseded(_ log: MeasurementLog, _ boot: Boot) async throws(AttesterError) -> Bool {
        let values = try await values(boot.banks, log.pcrs.union(PCRSet(10...15)))
        var writer = writer(boot)
        // Nobody frees the kernel's records between the look at them and the removal.
        let trimming = try lockTrimming(writer)
        guard try log.replayKernel(towards: values) != nil else { return false }
        do throws(ShardError) {
            let lock = try writer.lock()
            try writer.startOver(holding: lock)
        } catch {
            throw AttesterError(error)
        }
        _ = consume trimming
        return true
    }

    private func lockTrimming(_ writer: ShardWriter) throws(AttesterError) -> ShardLock {
        do throws(ShardError) {
            return try writer.lockTrimming()
        } catch {
            throw AttesterError(error)
        }
    }

    /// Lets later processes know of a gap, unless they know of one of its kind. It is said now in any case: a disk that is
    /// full changes nothing of what was found.
    private func remember(_ gap: LogGap, _ boot: Boot) {
        let writer = writer(boot)
        let known = (try? writer.gaps()) ?? []
        guard !known.contains(where: { $0.cause == gap.cause }), let lock = try? writer.lock() else { return }
        try? writer.keep([gap], holding: lock)
    }

    private func writer(_ boot: Boot) -> ShardWriter {
        ShardWriter(
            root: settings.directory, epoch: boot.epoch, banks: boot.banks, options: settings.options,
            observe: settings.observe)
    }
}
