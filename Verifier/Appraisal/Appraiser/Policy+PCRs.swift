internal import AssayCrypto
internal import Bytes
internal import TPM

extension Policy {
    /// What is wrong with quoted values by the policy's `assay.pcrs`: each bank that is quoted must have an allowed value,
    /// and one must be quoted.
    package func findings(for quote: QuotedPCRs) -> Findings {
        var findings = Findings()
        for pcr in Set(rules.pcrs.map(\.pcr)).sorted() {
            var isQuoted = false
            for rule in rules.pcrs where rule.pcr == pcr {
                guard let bank = PCRBank(name: rule.bank), let value = quote.values[bank, pcr] else { continue }
                isQuoted = true
                if rule.values.contains(value.bytes) { continue }
                findings.add(
                    Finding(
                        .pcrMismatch, found: "\(bank) PCR \(pcr) \(value)",
                        expected: rule.values.prefix(4).map(\.hexadecimal).joined(separator: " or "),
                        remedy: "Find out what the host booted; if it is wanted, add the value to assay.pcrs."))
            }
            if !isQuoted {
                findings.add(
                    Finding(
                        .pcrSelectionMismatch, found: "a quote without PCR \(pcr)",
                        expected: "PCR \(pcr), for which assay.pcrs has values"))
            }
        }
        return findings
    }
}
