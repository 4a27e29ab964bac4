package import AssayCrypto
internal import CTSS2
package import TPM

extension TPMDevice {
    /// How often a reading or a quote is tried while the host's measurements change the PCRs.
    static let attempts = 16

    /// Reads PCRs as they were at one moment.
    ///
    /// - Throws: `.noSuchPCRs` if the TPM lacks some; `.movingPCRs` if they never stood still.
    package func readPCRs(_ selection: PCRSelection) throws(TPMDeviceError) -> PCRValues {
        for _ in 0..<Self.attempts {
            let reading = try readPCRsOnce(selection)
            if reading.isOfOneMoment { return reading.values }
        }
        throw TPMDeviceError(.movingPCRs(attempts: Self.attempts), in: Self.pcrRead)
    }

    /// Extends one PCR: PCR ← H(PCR ‖ digest), in each bank.
    ///
    /// - Parameter digests: a digest of the bank's own length for each bank. A bank without PCRs is passed over.
    package func extend(pcr: Int, with digests: [PCRBank: Digest]) throws(TPMDeviceError) {
        let call = "Esys_PCR_Extend"
        guard (0..<24).contains(pcr) else {
            throw TPMDeviceError(.malformedArgument("there is no PCR \(pcr)"), in: call)
        }
        var list = TPML_DIGEST_VALUES()
        list.count = UInt32(digests.count)
        var entries: [TPMT_HA] = []
        for (bank, digest) in digests {
            guard digest.count == bank.digestSize else {
                throw TPMDeviceError(.malformedArgument("\(digest.count) bytes for a digest of \(bank)"), in: call)
            }
            var entry = TPMT_HA()
            entry.hashAlg = bank.rawValue
            setElements(digest.bytes, of: &entry.digest)
            entries.append(entry)
        }
        setElements(entries, of: &list.digests)
        let none = ESYS_TR_NONE
        let handle = ESYS_TR_PCR0 + ESYS_TR(pcr)
        try check(call, Esys_PCR_Extend(esys.pointer, handle, ESYS_TR_PASSWORD, none, none, &list))
    }

    /// Values that several commands read; PCRs may have changed between two of them.
    struct PCRReading {
        var values = PCRValues()
        /// The TPM's update counter at each command.
        var counters: Set<UInt32> = []

        var isOfOneMoment: Bool { counters.count <= 1 }
    }

    /// Reads PCRs with as many commands as it takes: one answers with eight values at most.
    ///
    /// Low indices come first, so that those that change while the host runs are read last, together.
    func readPCRsOnce(_ selection: PCRSelection) throws(TPMDeviceError) -> PCRReading {
        var reading = PCRReading()
        var rest = selection.byIndex[...]
        var room = rest.count % Self.digestsPerRead
        if room == 0 { room = Self.digestsPerRead }
        while !rest.isEmpty {
            let asked = rest.prefix(room)
            try read(asked.map { PCRSelection.Bank($0.bank, PCRSet([$0.index])) }, into: &reading)
            rest = rest.drop { reading.values[$0.bank, $0.index] != nil }
            guard rest.startIndex > asked.startIndex else {
                let missing = asked.filter { reading.values[$0.bank, $0.index] == nil }
                let banks = missing.map { PCRSelection.Bank($0.bank, PCRSet([$0.index])) }
                throw TPMDeviceError(.noSuchPCRs(PCRSelection(banks)), in: Self.pcrRead)
            }
            room = Self.digestsPerRead
        }
        return reading
    }

    private func read(_ banks: [PCRSelection.Bank], into reading: inout PCRReading) throws(TPMDeviceError) {
        var asked = TPML_PCR_SELECTION(PCRSelection(banks))
        var counter: UInt32 = 0
        var selection: UnsafeMutablePointer<TPML_PCR_SELECTION>?
        var digests: UnsafeMutablePointer<TPML_DIGEST>?
        let none = ESYS_TR_NONE
        try check(
            Self.pcrRead, Esys_PCR_Read(esys.pointer, none, none, none, &asked, &counter, &selection, &digests))
        let answered = try EsysOutput(selection, of: Self.pcrRead)
        let list = try EsysOutput(digests, of: Self.pcrRead).value
        var values = elements(TPM2B_DIGEST.self, of: list.digests, count: list.count)[...]
        for (algorithm, pcrs) in answered.value.banks {
            for index in pcrs.indices {
                guard let bank = PCRBank(rawValue: algorithm),
                    let digest = values.popFirst().flatMap({ Digest($0.bytes) }),
                    digest.count == bank.digestSize
                else { throw TPMDeviceError(.malformedAnswer("values don't match the selection"), in: Self.pcrRead) }
                reading.values[bank, index] = digest
            }
        }
        reading.counters.insert(counter)
    }

    private static let pcrRead = "Esys_PCR_Read"
    /// Room in a TPML_DIGEST (TPM 2.0 Part 2, 10.9.5).
    private static let digestsPerRead = 8
}
