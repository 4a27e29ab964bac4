// What becomes of records that the kernel doesn't keep: behind a kexec, and where they are freed.

extension Diagnosis {
    static func kexec(_ facts: HostFacts) -> Finding {
        guard facts.kexec.gaps.isEmpty else {
            return .warning(
                .kexec, "records of this boot may be missing: " + facts.kexec.gaps.joined(separator: "; "),
                remedy: "assay-agent shards verify tells whether any are; if so, boot this host through its firmware, "
                    + "not by kexec")
        }
        let cost =
            "what is measured after the last record was stored is lost then, and the host fails until it boots through "
            + "its firmware"
        let says: String
        switch facts.kexec.carriesLog {
        case true?:
            return .ok(.kexec, "this kernel carries its log over, if the next one is loaded with kexec -s")
        case false?: says = "this kernel carries no log over (no CONFIG_IMA_KEXEC): \(cost)"
        case nil: says = "whether this kernel has CONFIG_IMA_KEXEC can't be read; without it \(cost)"
        }
        guard facts.kexec.isLoaded else { return .ok(.kexec, says) }
        return .warning(
            .kexec, "another kernel is loaded; \(says)",
            remedy: "run assay-agent shards snapshot as the last thing before kexec -e, or build both kernels with "
                + "CONFIG_IMA_KEXEC and load the next one with kexec -s")
    }

    static func trimming(_ facts: HostFacts) -> Finding {
        let others =
            "another program that frees records between two readings of the agent's is noticed only by the replay "
            + "(assay-agent shards verify)"
        switch (facts.trimming.isWanted, facts.trimming.isOffered) {
        case (false, false): return .ok(.trimming, "off, and this kernel frees no records")
        case (false, true):
            return .ok(.trimming, "off (trim); this kernel could free records that are stored; \(others)")
        case (true, false):
            return .warning(
                .trimming, "trim: staged is set, and this kernel can't free records",
                remedy: "boot Linux 7.2 or later with CONFIG_IMA_STAGING=y, or set trim: off")
        case (true, true) where facts.commandLine.flushesDigests:
            return .ok(
                .trimming,
                "records are freed whole (ima_flush_htable): a file that leaves the kernel's cache is measured again, and "
                    + "its record stands in the log twice; \(others)")
        case (true, true):
            return .warning(
                .trimming,
                "records are freed, but for their digests, by which the kernel knows repeats: some 3 % of the memory "
                    + "comes back; \(others)",
                remedy: "boot with ima_flush_htable to free all of it: a file that leaves the kernel's cache is then "
                    + "measured again")
        }
    }
}
