import AssayCrypto
package import Shards
package import TPM

/// Holding the shards and the kernel's log to the TPM's PCRs. Nothing is freed meanwhile in the kernel: what is being judged
/// may be the only copy.
extension LogKeeper {
    /// What a replay came to.
    package struct Verification: Hashable, Sendable {
        /// What the PCRs say of the log.
        package enum Outcome: Hashable, Sendable {
            /// So many records lead to the values: all that were logged when these were read, and perhaps later ones.
            case whole(UInt64)
            /// The kernel's own log leads to the values, and shards and log together don't: the PCRs were reset since the
            /// shards were written, though the TPM counts the same boot (a TPM Restart: the host lost its power while it was
            /// suspended).
            case superseded
            /// So many records lead to the values at most, and that isn't all of them; nil for none.
            case broken(UInt64?)
        }

        /// The boot whose shards these are.
        package let epoch: BootEpoch
        /// Records that there are, in shards and in the kernel's log.
        package let records: UInt64
        /// What the replay came to.
        package let outcome: Outcome
        /// The TPM's values of the PCRs that the log uses.
        package let values: PCRValues
        /// What is noteworthy.
        package let notices: [LogNotice]
    }

    /// Stores what is new, and replays all of it towards the TPM's PCRs.
    ///
    /// - Throws: `.shards(.missing)` or `.shards(.damaged)`, with the shard's path.
    package func verify() async throws(AttesterError) -> Verification {
        try await verify(untrimmedLog(), in: try await boot())
    }

    func verify(_ log: MeasurementLog, in boot: Boot) async throws(AttesterError) -> Verification {
        var attempts = 3
        while true {
            try log.refresh(epoch: boot.epoch, banks: boot.banks)
            // The kernel lists a record before it extends the PCR: all that are listed now are in the values that are read
            // now, but for the last one, perhaps.
            let (listed, pcrs) = (log.nextRecord, log.pcrs)
            let values = try await values(boot.banks, pcrs)
            var matched = try log.replay(towards: values)
            if matched ?? 0 < listed {
                try log.refresh(epoch: boot.epoch, banks: boot.banks)
                matched = try log.replay(towards: values)
            }
            guard log.pcrs == pcrs else { continue }
            attempts -= 1
            if let matched, matched < listed, matched + 1 == listed, attempts > 0 { continue }
            return Verification(
                epoch: boot.epoch, records: log.nextRecord, outcome: try outcome(matched, listed, log, values),
                values: values, notices: log.takeNotices())
        }
    }

    private func outcome(
        _ matched: UInt64?, _ listed: UInt64, _ log: MeasurementLog, _ values: PCRValues
    ) throws(AttesterError) -> Verification.Outcome {
        if let matched, matched >= listed { return .whole(matched) }
        guard try log.replayKernel(towards: values) == nil else { return .superseded }
        return .broken(matched.flatMap { $0 > 0 ? $0 : nil })
    }

    /// The log, of which nothing is freed.
    func untrimmedLog() -> MeasurementLog {
        var settings = settings
        settings.trims = false
        return MeasurementLog(path: logPath, settings: settings)
    }
}
