import Appraisal
import Logging
import Store
import Synchronization

/// Whether something is under way, as two tasks see it.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set(_ isSet: Bool) { value.store(isSet, ordering: .releasing) }
}

// What is kept of a log on its way. A write that fails costs no more than records that are sent again.
extension SessionDriver {
    /// Keeps where the round stands, if that is worth a write; doesn't wait for it.
    func remember(_ scratch: Scratch, _ pass: inout Pass) {
        let isRemembering = pass.isRemembering
        let worthy = pass.keeper.take(scratch, at: .now, isWriting: isRemembering.isSet)
        guard let worthy else { return }
        isRemembering.set(true)
        pass.remembering = Task {
            await write(worthy)
            isRemembering.set(false)
        }
    }

    /// Keeps the last of it, when the connection has ended.
    func rememberLast(_ pass: inout Pass) async {
        await pass.remembering?.value
        if let scratch = pass.keeper.takeLatest() { await write(scratch) }
    }

    /// Drops what is kept of a broken transfer.
    func forgetScratch(ledAstrayAt record: UInt64?, _ pass: inout Pass) async {
        await pass.remembering?.value
        if let record {
            logger.warning(
                "a broken transfer can't be gone on with: dropped", metadata: ["next_record": "\(record)"])
        } else {
            logger.info("what was kept of a broken transfer no longer fits: dropped")
        }
        do throws(StoreError) {
            try await services.store.forgetScratch(of: agentID, ledAstrayAt: record, at: services.time())
        } catch {
            logger.error("what is kept of a transfer can't be dropped", metadata: ["error": "\(error)"])
        }
    }

    private func write(_ scratch: Scratch) async {
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
