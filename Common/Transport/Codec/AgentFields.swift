import AssayCrypto
import CAssayProto
import Messages
import TPM

extension Hello {
    init(_ structure: Assay__V1__Hello) throws(MessageError) {
        let fields = FieldReader(message: "Hello")
        self.init(
            protocolVersion: structure.protocol_version,
            agentID: try fields.bytes("agent_id", structure.agent_id, FieldLimits.agentID),
            attestationKeyName: try fields.bytes("ak_name", structure.ak_name, FieldLimits.keyName),
            firstRecord: structure.first_record, nextRecord: structure.next_record,
            banks: try Self.knownBanks(fields, structure),
            pcrs: try fields.pcrs("pcrs", structure.n_pcrs, structure.pcrs),
            isBigEndian: try Self.isBigEndian(fields, structure.byte_order),
            maximumShardBytes: structure.max_shard_bytes,
            columnAlgorithm: try fields.bank("column_algorithm", structure.column_algorithm),
            resetCount: structure.reset_count, restartCount: structure.restart_count,
            bootID: try fields.bytes("boot_id", structure.boot_id, FieldLimits.bootID),
            softwareVersion: try fields.bytes(
                "software_version", structure.software_version, FieldLimits.softwareVersion))
    }

    /// An agent names all of its TPM's banks; those that Assay doesn't replay can't be chosen anyway.
    private static func knownBanks(
        _ fields: FieldReader, _ structure: Assay__V1__Hello
    ) throws(MessageError) -> [PCRBank] {
        var banks: [PCRBank] = []
        for identifier in try fields.numbers("banks", structure.n_banks, structure.banks) {
            guard let bank = UInt16(exactly: identifier).flatMap(PCRBank.init(rawValue:)) else { continue }
            guard !banks.contains(bank) else { throw fields.error(.duplicate(UInt64(identifier)), "banks") }
            banks.append(bank)
        }
        return banks
    }

    private static func isBigEndian(_ fields: FieldReader, _ order: Assay__V1__ByteOrder) throws(MessageError) -> Bool {
        switch order {
        case ASSAY__V1__BYTE_ORDER__BYTE_ORDER_LITTLE: false
        case ASSAY__V1__BYTE_ORDER__BYTE_ORDER_BIG: true
        default: throw fields.error(.value(UInt64(UInt32(truncatingIfNeeded: order.rawValue))), "byte_order")
        }
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__Hello> {
        let structure = arena.make(assay__v1__hello__init)
        structure.pointee.protocol_version = protocolVersion
        structure.pointee.agent_id = arena.bytes(agentID)
        structure.pointee.ak_name = arena.bytes(attestationKeyName)
        structure.pointee.first_record = firstRecord
        structure.pointee.next_record = nextRecord
        structure.pointee.n_banks = banks.count
        structure.pointee.banks = arena.list(banks.map { UInt32($0.rawValue) })
        structure.pointee.n_pcrs = pcrs.indices.count
        structure.pointee.pcrs = arena.list(pcrs.indices.map { UInt32($0) })
        structure.pointee.byte_order =
            isBigEndian ? ASSAY__V1__BYTE_ORDER__BYTE_ORDER_BIG : ASSAY__V1__BYTE_ORDER__BYTE_ORDER_LITTLE
        structure.pointee.max_shard_bytes = maximumShardBytes
        structure.pointee.column_algorithm = UInt32(columnAlgorithm.rawValue)
        structure.pointee.reset_count = resetCount
        structure.pointee.restart_count = restartCount
        structure.pointee.boot_id = arena.bytes(bootID)
        structure.pointee.software_version = arena.bytes(softwareVersion)
        return structure
    }
}

extension Evidence {
    init(_ structure: Assay__V1__Evidence) throws(MessageError) {
        let fields = FieldReader(message: "Evidence")
        let pointers = try fields.list(
            "pcr_values", structure.n_pcr_values, structure.pcr_values, limit: FieldLimits.pcrValues)
        var values = PCRValues()
        for pointer in pointers { try values.add(pointer.pointee) }
        self.init(
            round: structure.round,
            attest: try fields.bytes("attest", structure.attest, FieldLimits.attest),
            signature: try fields.bytes("signature", structure.signature, FieldLimits.signature),
            pcrValues: values, logEnd: structure.log_end, logBytes: structure.log_bytes)
    }

    func structure(in arena: PackArena) -> UnsafeMutablePointer<Assay__V1__Evidence> {
        let structure = arena.make(assay__v1__evidence__init)
        let values = pcrValues.all.map { value -> UnsafeMutablePointer<Assay__V1__PcrValue>? in
            let structure = arena.make(assay__v1__pcr_value__init)
            structure.pointee.bank = UInt32(value.bank.rawValue)
            structure.pointee.index = UInt32(clamping: value.index)
            structure.pointee.value = arena.bytes(value.value.bytes)
            return structure
        }
        structure.pointee.round = round
        structure.pointee.attest = arena.bytes(attest)
        structure.pointee.signature = arena.bytes(signature)
        structure.pointee.n_pcr_values = values.count
        structure.pointee.pcr_values = arena.list(values)
        structure.pointee.log_end = logEnd
        structure.pointee.log_bytes = logBytes
        return structure
    }
}

extension PCRValues {
    /// Adds a value that is as long as its bank's digests and not there yet.
    fileprivate mutating func add(_ structure: Assay__V1__PcrValue) throws(MessageError) {
        let fields = FieldReader(message: "PcrValue")
        let bank = try fields.bank("bank", structure.bank)
        let index = try fields.pcr("index", structure.index)
        guard self[bank, index] == nil else { throw fields.error(.duplicate(UInt64(index)), "index") }
        self[bank, index] = Digest(try fields.bytes("value", structure.value, bank.digestSize...bank.digestSize))
    }
}

extension LogShard {
    private static let recordsNumber: UInt64 = 4

    /// Reads a shard. Its records are copied once, out of the frame: they are nearly all that a verifier receives.
    init(serialized bytes: UnsafeRawBufferPointer) throws(MessageError) {
        let (rest, records) = try Envelope.cut(Self.recordsNumber, outOf: bytes, in: "LogShard")
        self = try rest.withUnsafeBytes { rest in
            Result { () throws(MessageError) in
                try withUnpacked(
                    rest, in: "LogShard", by: { assay__v1__log_shard__unpack($0, $1, $2) },
                    free: { assay__v1__log_shard__free_unpacked($0, $1) }
                ) { Self($0, records: Array(UnsafeRawBufferPointer(rebasing: bytes[records]))) }
            }
        }.get()
    }

    private init(_ structure: Assay__V1__LogShard, records: [UInt8]) {
        self.init(
            round: structure.round, firstRecord: structure.first_record, recordCount: structure.record_count,
            records: records, moreDataPending: structure.more_data_pending != 0,
            recordsRemaining: structure.records_remaining, bytesRemaining: structure.bytes_remaining)
    }

    /// - Parameter records: the shard's own, borrowed until the structure is packed.
    func structure(
        in arena: PackArena, records: UnsafeBufferPointer<UInt8>
    ) -> UnsafeMutablePointer<Assay__V1__LogShard> {
        let structure = arena.make(assay__v1__log_shard__init)
        structure.pointee.round = round
        structure.pointee.first_record = firstRecord
        structure.pointee.record_count = recordCount
        structure.pointee.records = ProtobufCBinaryData(
            len: records.count, data: UnsafeMutablePointer(mutating: records.baseAddress))
        structure.pointee.more_data_pending = moreDataPending ? 1 : 0
        structure.pointee.records_remaining = recordsRemaining
        structure.pointee.bytes_remaining = bytesRemaining
        return structure
    }
}
