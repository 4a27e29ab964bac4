package import AssayCrypto
package import TPM

/// What an agent sends (`AgentMessage` in Proto/assay.proto, which documents every field's unit and range).
package enum AgentMessage: Hashable, Sendable {
    case hello(Hello)
    case evidence(Evidence)
    case logShard(LogShard)
    case status(Status)
    case renewRequest(RenewRequest)
    case joinRequest(JoinRequest)
    case credentialResponse(CredentialResponse)

    /// The message's name, for an error that must not repeat its content.
    package var kind: String {
        switch self {
        case .hello: "Hello"
        case .evidence: "Evidence"
        case .logShard: "LogShard"
        case .status: "Status"
        case .renewRequest: "RenewRequest"
        case .joinRequest: "JoinRequest"
        case .credentialResponse: "CredentialResponse"
        }
    }

    /// The round that the message belongs to; nil for one that belongs to none.
    package var round: UInt64? {
        switch self {
        case .evidence(let evidence): evidence.round
        case .logShard(let shard): shard.round
        case .hello, .status, .renewRequest, .joinRequest, .credentialResponse: nil
        }
    }
}

/// The version of the contract that this code speaks.
package let protocolVersion: UInt32 = 1

/// The agent's first message. The peer merely claims all of it; the identity is the certificate's.
package struct Hello: Hashable, Sendable {
    package var protocolVersion: UInt32
    package var agentID: [UInt8]
    package var attestationKeyName: [UInt8]
    package var firstRecord: UInt64
    package var nextRecord: UInt64
    /// Active banks; those that we can't replay are left out when decoding.
    package var banks: [PCRBank]
    /// PCRs that the log's records name.
    package var pcrs: PCRSet
    /// The log's integers are big endian.
    package var isBigEndian: Bool
    package var maximumShardBytes: UInt32
    /// Hash of the log's template-digest column.
    package var columnAlgorithm: PCRBank
    package var resetCount: UInt32
    package var restartCount: UInt32
    package var bootID: [UInt8]
    package var softwareVersion: [UInt8]

    /// A Hello that claims the least: little endian, SHA-1 column, PCR 10.
    package init(
        protocolVersion: UInt32 = Messages.protocolVersion, agentID: [UInt8], attestationKeyName: [UInt8],
        firstRecord: UInt64 = 0, nextRecord: UInt64, banks: [PCRBank], pcrs: PCRSet = PCRSet([10]),
        isBigEndian: Bool = false, maximumShardBytes: UInt32, columnAlgorithm: PCRBank = .sha1,
        resetCount: UInt32 = 0, restartCount: UInt32 = 0, bootID: [UInt8] = [], softwareVersion: [UInt8] = []
    ) {
        self.protocolVersion = protocolVersion
        self.agentID = agentID
        self.attestationKeyName = attestationKeyName
        self.firstRecord = firstRecord
        self.nextRecord = nextRecord
        self.banks = banks
        self.pcrs = pcrs
        self.isBigEndian = isBigEndian
        self.maximumShardBytes = maximumShardBytes
        self.columnAlgorithm = columnAlgorithm
        self.resetCount = resetCount
        self.restartCount = restartCount
        self.bootID = bootID
        self.softwareVersion = softwareVersion
    }

    /// Whether the log has begun to use PCRs, or turned out to have a format, that an earlier Hello did not say, or the
    /// TPM was reset since: the only reasons to send another.
    package func saysMore(than earlier: Hello) -> Bool {
        let usesMore = pcrs != earlier.pcrs && pcrs.isSuperset(of: earlier.pcrs)
        let isOfAnotherLog = isBigEndian != earlier.isBigEndian || columnAlgorithm != earlier.columnAlgorithm
        return usesMore || isOfAnotherLog || resetCount != earlier.resetCount
    }
}

/// The quote, as received: nothing in it counts before `AttestationKey` has verified it.
package struct Evidence: Hashable, Sendable {
    package var round: UInt64
    package var attest: [UInt8]
    package var signature: [UInt8]
    package var pcrValues: PCRValues
    package var logEnd: UInt64
    package var logBytes: UInt64

    /// Evidence of one round.
    package init(
        round: UInt64, attest: [UInt8], signature: [UInt8], pcrValues: PCRValues, logEnd: UInt64, logBytes: UInt64
    ) {
        self.round = round
        self.attest = attest
        self.signature = signature
        self.pcrValues = pcrValues
        self.logEnd = logEnd
        self.logBytes = logBytes
    }
}

/// A run of whole records.
package struct LogShard: Hashable, Sendable {
    package var round: UInt64
    package var firstRecord: UInt64
    package var recordCount: UInt32
    package var records: [UInt8]
    package var moreDataPending: Bool
    package var recordsRemaining: UInt64
    package var bytesRemaining: UInt64

    /// One shard of a round.
    package init(
        round: UInt64, firstRecord: UInt64, recordCount: UInt32, records: [UInt8], moreDataPending: Bool,
        recordsRemaining: UInt64, bytesRemaining: UInt64
    ) {
        self.round = round
        self.firstRecord = firstRecord
        self.recordCount = recordCount
        self.records = records
        self.moreDataPending = moreDataPending
        self.recordsRemaining = recordsRemaining
        self.bytesRemaining = bytesRemaining
    }
}
