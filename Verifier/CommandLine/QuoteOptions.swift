import ArgumentParser
import AssayCrypto
import Offline
import Store
import Terminal

/// A quote in files, as tpm2-tools leave it.
struct QuoteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("A quote (TPMS_ATTEST), as tpm2_quote -m writes it.", valueName: "file"), completion: .file()
    )
    var quote: String?

    @Option(
        help: ArgumentHelp("The quote's signature, as tpm2_quote -s writes it: tss or plain.", valueName: "file"),
        completion: .file())
    var signature: String?

    @Option(
        help: ArgumentHelp(
            "The attestation key, as tpm2_readpublic writes it: TPM2B_PUBLIC or TPMT_PUBLIC (tss, tpmt), or PEM or DER of a "
                + "key or certificate, which don't tell whether the key is a TPM's restricted key.", valueName: "file"),
        completion: .file())
    var ak: String?

    @Option(help: ArgumentHelp("The quote's qualifying data.", valueName: "hex"))
    var nonce: String?

    @Option(
        help: ArgumentHelp(
            "The PCRs' values, as tpm2_quote -o writes them: serialized, or plain values of the quote's PCRs.",
            valueName: "file"), completion: .file())
    var pcrValues: String?

    @Option(
        help: "The one bank that the quote must be of.", completion: .list(PCRBank.allCases.map(\.description)))
    var bank: String?

    @Flag(
        name: .customLong("allow-sha1"),
        help:
            "Take SHA-1 in the quote's signature, in the key's scheme and name, as the only bank, and padded in another: for old evidence."
    )
    var allowsSHA1 = false

    /// The options, as an appraisal takes them.
    var arguments: AppraisalArguments {
        var arguments = AppraisalArguments()
        arguments.quote = quote
        arguments.signature = signature
        arguments.attestationKey = ak
        arguments.nonce = nonce
        arguments.pcrValues = pcrValues
        arguments.bank = bank
        arguments.allowsSHA1 = allowsSHA1
        return arguments
    }
}

/// Appraises files; what can't be read, or doesn't go together, ends the command.
func appraised(_ arguments: AppraisalArguments) throws(CommandFailure) -> AppraisalReport {
    do throws(OfflineError) {
        return try OfflineAppraisal(try AppraisalRequest(arguments), time: currentTime()).run()
    } catch {
        switch error {
        case .usage: throw .usage(error)
        case .file: throw .unavailable(error)
        }
    }
}
