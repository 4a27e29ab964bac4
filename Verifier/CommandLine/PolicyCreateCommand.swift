import Appraisal
import ArgumentParser
import AssayCrypto
import Bytes
import Files
import IMA
import Offline
import TPM
import Terminal

/// Makes a policy out of what is trusted.
struct PolicyCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a policy that allows what logs, files and keys hold, and print it.",
        discussion: """
            Take the log of a host that you trust, or its root folder: every file's digest, every key on a keyring and \
            every buffer will be allowed. Look at the result before you put it.

              assay-verifier policy create --log trusted.log --excludes excludes.txt \\
                --out a.json
              assay-verifier policy create --tree /mnt/image --base a.json \\
                --keyring .ima=k.der

            The log is the kernel's, /sys/kernel/security/ima/binary_runtime_measurements on the host, which root reads; \
            assay-agent shards cat > trusted.log writes all of it, to be carried here. `policy learn` needs no file: it \
            takes the log of a host that has joined.

            With --pcrs it also lists the values that these PCRs have in a quote of that host, which is verified first: then the \
            policy appraises what was booted, too.

              assay-verifier policy create --base a.json --pcrs 0-7 \\
                --quote q.attest --signature q.sig --ak ak.pub --nonce HEX \\
                --pcr-values q.pcrs --out b.json

            A blank in a path is listed as _, as the kernel logs it.
            """)

    @Option(
        help: ArgumentHelp("A log of the kernel, binary or text; several are shards in order.", valueName: "file"),
        completion: .file())
    var log: [String] = []

    @Option(
        help: ArgumentHelp("A host's root folder: all regular files in it.", valueName: "folder"),
        completion: .directory)
    var tree: [String] = []

    @Option(help: ArgumentHelp("A certificate or key, PEM or DER, allowed on a keyring.", valueName: "name=file"))
    var keyring: [String] = []

    @Option(help: ArgumentHelp("A keyring whose keys are not judged; * for all.", valueName: "name"))
    var ignoredKeyring: [String] = []

    @Option(
        help: ArgumentHelp(
            "Expressions of paths to leave out, one a line; a line that begins with # is a comment.", valueName: "file"),
        completion: .file()
    )
    var excludes: [String] = []

    @Option(
        help: ArgumentHelp("A policy to extend; a signed one with --policy-key.", valueName: "file"),
        completion: .file())
    var base: String?

    @Option(
        help: ArgumentHelp("A key or certificate that must have signed --base.", valueName: "file"),
        completion: .file())
    var policyKey: [String] = []

    @Option(
        help: ArgumentHelp(
            "The hash of --tree's and --keyring's digests; else that of the log or of --base.",
            valueName: "algorithm"), completion: .list(HashAlgorithm.allCases.map(\.rawValue)))
    var hash: String?

    @Option(
        help: ArgumentHelp(
            "PCRs, such as 0-7, whose values in --quote are listed in assay.pcrs, beside those that --base lists.",
            valueName: "list"))
    var pcrs: String?

    @OptionGroup var quote: QuoteOptions

    @Option(
        help: ArgumentHelp("Where to write the policy; else to standard output.", valueName: "file"),
        completion: .file())
    var out: String?

    func validate() throws {
        guard !(log.isEmpty && tree.isEmpty && keyring.isEmpty && base == nil && pcrs == nil) else {
            throw ValidationError("give --log, --tree, --keyring, --base or --pcrs")
        }
        guard (pcrs == nil) == (quote.quote == nil) else {
            throw ValidationError("--pcrs and --quote go together: the quote proves the PCRs' values")
        }
        if let pcrs {
            guard let set = PCRSet(ranges: pcrs) else {
                throw ValidationError("--pcrs are PCRs from 0 to 23, such as 0-7 or 0,2,4-7")
            }
            guard !set.contains(10) else {
                throw ValidationError("--pcrs: PCR 10 changes with each record of the log; leave it out")
            }
        }
        guard hash.map({ HashAlgorithm(rawValue: $0) != nil }) ?? true else {
            let names = HashAlgorithm.allCases.map(\.description).joined(separator: ", ")
            throw ValidationError("--hash is one of \(names)")
        }
        guard keyring.allSatisfy({ $0.split(separator: "=", maxSplits: 1).count == 2 }) else {
            throw ValidationError("--keyring is NAME=FILE")
        }
    }

    func run() throws {
        try makingPolicy {
            var draft = PolicyDraft(
                extending: try base.map { try readPolicy($0, signers: policyKey) } ?? PolicyDocument())
            for file in excludes { try draft.exclude(ExcludeList(try contents(file), file: file)) }
            for name in ignoredKeyring { draft.ignore(keyring: Array(name.utf8)) }
            for shard in log { try allowLog(shard, &draft) }
            try endLog(&draft)
            // A pattern that no verifier can use is told here, not when the policy is put.
            _ = try ExcludedPaths(of: draft.document)
            let algorithm = hash.flatMap(HashAlgorithm.init(rawValue:)) ?? draft.digestAlgorithm ?? .sha256
            for pair in keyring { try allowKey(pair, algorithm, &draft) }
            for root in tree { try allowTree(root, algorithm, &draft) }
            noteUnlistable(draft)
            if let pcrs = pcrs.flatMap(PCRSet.init(ranges:)) { try allow(pcrs, &draft) }
            try writePolicy(draft.document, to: out)
        }
    }

    /// Lists the values of PCRs that a quote proves; one that doesn't hold proves none.
    private func allow(_ pcrs: PCRSet, _ draft: inout PolicyDraft) throws {
        let report = try appraised(quote.arguments)
        report.remarks.forEach { Output.notice("the quote: \($0)") }
        guard !report.isContraindicated else {
            for finding in report.findings.kept { Output.notice("error: the quote: \(finding); \(finding.remedy)") }
            throw CommandFailure(.contraindicated)
        }
        for pcr in pcrs.indices {
            let values = report.quotedPCRs.all.filter { $0.index == pcr }
            guard !values.isEmpty else {
                throw PolicyError(
                    place: "assay.pcrs[\"\(pcr)\"]",
                    "the quote doesn't cover PCR \(pcr); quote it, or leave it out of --pcrs")
            }
            for value in values { draft.allow(pcr: pcr, in: value.bank, value: value.value) }
        }
    }

    private func allowLog(_ path: String, _ draft: inout PolicyDraft) throws {
        let shard = try contents(path)
        guard !shard.isEmpty else { throw notALog(path, "there is nothing in it") }
        do {
            try draft.allow(shard: shard)
        } catch {
            throw notALog(path, "\(error)")
        }
    }

    private func endLog(_ draft: inout PolicyDraft) throws {
        do {
            try draft.endLog()
        } catch {
            throw notALog(log.last ?? "", "it ends within a record: \(error)")
        }
    }

    private func notALog(_ path: String, _ problem: String) -> CommandFailure {
        CommandFailure(
            .unavailable, "\(path): \(problem); give what the kernel shows, or `assay-agent shards cat` writes")
    }

    private func allowKey(_ pair: String, _ algorithm: HashAlgorithm, _ draft: inout PolicyDraft) throws {
        let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
        let keys = try reading(parts[1]) { try VerificationKey.all(encoded: try contents(parts[1])) }
        for key in keys { try draft.allow(key: key.der, on: Array(parts[0].utf8), hash: algorithm) }
    }

    private func allowTree(_ root: String, _ algorithm: HashAlgorithm, _ draft: inout PolicyDraft) throws {
        let excluded = try ExcludedPaths(of: draft.document)
        var tree = FileTree(root, algorithm: algorithm) { excluded.contains($0) }
        try tree.forEach { draft.allow(file: $0.path, digest: $0.digest) }
        for problem in tree.unreadable { Output.notice("not listed, for it can't be read: \(problem)") }
    }
}

/// Runs what makes or reads policies: one that doesn't load is told fault by fault, and ends with exit 1.
func makingPolicy<Result>(_ body: () throws -> Result) throws(CommandFailure) -> Result {
    do {
        return try body()
    } catch let failure as CommandFailure {
        throw failure
    } catch let error as PolicyError {
        for fault in error.faults { Output.notice("error: \(fault)") }
        throw CommandFailure(.contraindicated)
    } catch {
        throw .unavailable(error)
    }
}

/// A whole file; `-` is standard input.
func contents(_ path: String) throws -> [UInt8] {
    let limit = 4 << 30
    guard path == "-" else { return try requiredContents(ofFile: path, limit: limit) }
    let input: [UInt8]
    do throws(FileError) {
        input = try standardInput(limit: limit)
    } catch {
        throw CommandFailure(.unavailable, "standard input can't be read; pipe a file into it, or name one")
    }
    guard input.count <= limit else { throw CommandFailure(.unavailable, "standard input has more than 4 GiB") }
    return input
}

/// A public key out of a file.
func publicKey(_ path: String) throws -> PublicKey {
    try reading(path) { try PublicKey(encoded: try contents(path)) }
}

/// Reads keys out of a file; a fault of theirs is told with the path.
func reading<Keys>(
    _ path: String, remedy: String = "give a certificate or a public key, PEM or DER", _ body: () throws -> Keys
) throws -> Keys {
    do {
        return try body()
    } catch let error as CryptoError {
        throw CommandFailure(.unavailable, "\(path): \(error); \(remedy)")
    }
}

/// A policy's file, its warnings said.
func readPolicy(_ path: String, signers: [String] = []) throws -> PolicyDocument {
    let (source, keys) = (try contents(path), try signers.map(publicKey))
    do throws(PolicyError) {
        let (document, warnings) = try PolicyDocument.read(source, signers: keys)
        for warning in warnings { Output.notice("warning: \(path): \(warning)") }
        return document
    } catch {
        for fault in error.faults { Output.notice("error: \(path): \(fault)") }
        throw CommandFailure(.contraindicated)
    }
}

/// Writes a policy that was made here, or prints it: never one that no verifier loads.
func writePolicy(_ document: PolicyDocument, to path: String?) throws {
    try writePolicy(checked(document).json, to: path)
}

/// A policy that was made here as it is stored, its warnings said; one that no verifier loads is an error.
func checked(_ document: PolicyDocument) throws -> (json: [UInt8], policy: Policy) {
    let json = document.json
    let policy = try Policy(document: document, contentHash: PCRBank.sha256.digest(of: json))
    for warning in policy.warnings { Output.notice("warning: \(warning)") }
    return (json, policy)
}

/// Says which names a policy in the making can't list.
func noteUnlistable(_ draft: PolicyDraft) {
    for name in draft.unlistable.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        Output.notice("not listed, for JSON can't hold the name: \(escaped(name))")
    }
}

/// Writes a policy, or prints it.
func writePolicy(_ bytes: [UInt8], to path: String?) throws {
    guard let path else { return Output.bytes(bytes) }
    try writeFile(at: path, with: bytes)
}
