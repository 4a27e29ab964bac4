import Appraisal
import Logging
import Store

// What is kept of a log on its way. A write that fails costs no more than records that are sent again.
extension SessionDriver {
    /// What writes where this connection's rounds stand.
    func scratchWriter() -> ScratchWriter {
        ScratchWriter { scratch in
            do throws(StoreError) {
                let isKept = try await services.store.remember(
                    scratch, of: agentID, limit: services.settings.scratchBytes)
                logger.debug(
                    "transfer remembered",
                    metadata: ["next_record": "\(scratch.appraisal.nextRecord)", "is_kept": "\(isKept)"])
            } catch {
                logger.warning("the transfer can't be remembered", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Drops what is kept of a broken transfer.
    ///
    /// - Parameter record: where it led astray; nil if it only no longer fits.
    func forgetScratch(ledAstrayAt record: UInt64?, _ pass: Pass) async {
        await pass.scratch.drop()
        if let record {
            logger.warning("a broken transfer can't be gone on with: dropped", metadata: ["next_record": "\(record)"])
        } else {
            logger.info("what was kept of a broken transfer no longer fits: dropped")
        }
        do throws(StoreError) {
            try await services.store.forgetScratch(of: agentID, ledAstrayAt: record, at: services.time())
        } catch {
            logger.error("what is kept of a transfer can't be dropped", metadata: ["error": "\(error)"])
        }
    }
}
