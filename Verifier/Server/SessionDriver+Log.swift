import Appraisal
import Logging
import TPM

// One line per event, with what an operator searches for; what is worth a line is also worth a count.
extension SessionDriver {
    func log(_ note: VerifierSession.Note) {
        switch note {
        case .challenged(let round, let first, let origin):
            logger.info(
                "round begins",
                metadata: ["round": "\(round)", "first_record": "\(first)", "from": "\(origin.rawValue)"])
        case .quoted(let round, let resetCount, let logEnd):
            logger.debug(
                "quote verified", metadata: ["round": "\(round)", "epoch": "\(resetCount)", "log_end": "\(logEnd)"])
        case .shard(let round, let records, let bytes, let next, let remaining):
            services.metrics.received(records: records, bytes: bytes)
            logger.debug(
                "shard appraised, provisionally",
                metadata: [
                    "round": "\(round)", "records": "\(records)", "bytes": "\(bytes)", "next_record": "\(next)",
                    "records_remaining": "\(remaining)",
                ])
        case .newEpoch(let resetCount):
            logger.notice("the host has booted: appraising from record 0", metadata: ["epoch": "\(resetCount)"])
        case .retryFromRecordZero(let reason):
            logger.notice("appraising from record 0", metadata: ["reason": "\(reason)"])
        case .retryWithoutScratch(let reason):
            logger.notice("appraising from the last commit", metadata: ["reason": "\(reason)"])
        case .conflict:
            logger.notice("what the round rested on has changed: challenging again")
        }
    }

    func log(_ outcome: RoundOutcome, number: UInt64) {
        var metadata: Logger.Metadata = [
            "tier": "\(outcome.tier)", "verdict": "\(number)", "next_record": "\(outcome.nextRecord)",
            "records": "\(outcome.recordsAppraised)", "excess": "\(outcome.excessRecords)",
            "signatures": "\(outcome.signaturesVerified)",
        ]
        if let clock = outcome.attestation?.clock { metadata["epoch"] = "\(clock.resetCount)" }
        let level: Logger.Level = outcome.tier == .contraindicated ? .error : .info
        logger.log(level: level, "verdict", metadata: metadata)
        for finding in outcome.findings.kept where !finding.isWarning {
            logger.error("finding", metadata: ["finding": "\(finding)", "remedy": "\(finding.remedy)"])
        }
    }
}
