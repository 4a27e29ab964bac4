import Appraisal
import AssayCrypto
import Bytes
import FoundationEssentials
import TPM

/// What to appraise, and by what: options that go together. Of the files only the names are known.
package struct AppraisalRequest: Sendable {
    /// What the log must replay to.
    enum Target: Sendable {
        /// Nothing: all of the log is judged.
        case none
        /// Values that the operator gave, of the PCR `pcrIndex`.
        case values(PCRValues)
        /// What a quote proves.
        case quote(QuoteFiles)
    }

    /// A policy's file, and those of the keys one of which must have signed it.
    struct PolicyFiles: Sendable {
        let path: String
        let signers: [String]
    }

    /// The file of an incremental appraisal.
    struct StateFile: Sendable {
        let path: String
        let startsNewEpoch: Bool
    }

    private static let maximumThreads = 1024

    let logs: [String]
    let policy: PolicyFiles?
    let keys: [String]
    let requiresSignatures: Bool
    let target: Target
    let pcrIndex: Int
    let bootAggregates: [Digest]
    let allowsSHA1: Bool
    let violations: PolicyAction?
    let state: StateFile?
    let threads: SignatureThreads

    /// Checks the options.
    ///
    /// - Throws: ``OfflineError`` with `.usage`.
    package init(_ arguments: AppraisalArguments) throws(OfflineError) {
        logs = arguments.logs
        keys = arguments.keys
        requiresSignatures = arguments.requiresSignatures
        pcrIndex = arguments.pcrIndex
        allowsSHA1 = arguments.allowsSHA1
        // PCRs from 16 on can be reset while the host runs, so that they vouch for no record.
        guard (0..<(logs.isEmpty ? 24 : 16)).contains(pcrIndex) else {
            throw .usage("--pcr-index is a number from 0 to 15")
        }
        guard logs.count(where: { $0 == "-" }) <= 1 else {
            throw .usage("--log -: standard input can be read once only")
        }
        policy = arguments.policy.map { PolicyFiles(path: $0, signers: arguments.policyKeys) }
        guard policy != nil || arguments.policyKeys.isEmpty else { throw .usage("--policy-key needs --policy") }
        let threads = arguments.threads ?? ProcessInfo.processInfo.activeProcessorCount
        guard (1...Self.maximumThreads).contains(threads) else {
            throw .usage("--threads is a number from 1 to \(Self.maximumThreads)")
        }
        self.threads = SignatureThreads(count: threads)
        bootAggregates = try arguments.bootAggregates.map { (text) throws(OfflineError) in
            try BankDigest(text, option: "--boot-aggregate").digest
        }
        violations = try arguments.violations.map { (word) throws(OfflineError) in
            guard let action = PolicyAction(word: word.utf8) else {
                throw .usage("--violations is ignore, warn or fail")
            }
            return action
        }
        target = try Self.target(arguments)
        state = try Self.state(arguments, target)
        if case .quote = target { return }
        guard !logs.isEmpty else { throw .usage("there is nothing to appraise: give --log, --quote, or both") }
    }

    private static func target(_ arguments: AppraisalArguments) throws(OfflineError) -> Target {
        if let quote = try QuoteFiles(arguments) {
            guard arguments.pcrs.isEmpty else { throw .usage("--quote excludes --pcr: the quote has the values") }
            return .quote(quote)
        }
        guard !arguments.pcrs.isEmpty else { return .none }
        var values = PCRValues()
        for text in arguments.pcrs {
            let value = try BankDigest(text, option: "--pcr")
            guard values[value.bank, arguments.pcrIndex] == nil else {
                throw .usage("--pcr has two values for bank \(value.bank)")
            }
            values[value.bank, arguments.pcrIndex] = value.digest
        }
        return .values(values)
    }

    private static func state(_ arguments: AppraisalArguments, _ target: Target) throws(OfflineError) -> StateFile? {
        guard let path = arguments.state else {
            guard !arguments.startsNewEpoch else { throw .usage("--new-epoch needs --state") }
            return nil
        }
        if case .none = target { throw .usage("--state needs --quote or --pcr: only a match can be gone on from") }
        return StateFile(path: path, startsNewEpoch: arguments.startsNewEpoch)
    }
}

/// `BANK:HEX`: a digest and the bank that it belongs to.
private struct BankDigest {
    let bank: PCRBank
    let digest: Digest

    init(_ text: String, option: String) throws(OfflineError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let bank = PCRBank(name: parts[0].lowercased()) else {
            let banks = PCRBank.allCases.map(\.description).joined(separator: ", ")
            throw .usage("\(option) is BANK:HEX, the bank one of \(banks)")
        }
        var digits = parts[1]
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") { digits = digits.dropFirst(2) }
        guard let bytes = [UInt8](hexadecimal: digits), bytes.count == bank.digestSize, let digest = Digest(bytes)
        else { throw .usage("\(option): a value of bank \(bank) has \(2 * bank.digestSize) hexadecimal digits") }
        self.bank = bank
        self.digest = digest
    }
}
