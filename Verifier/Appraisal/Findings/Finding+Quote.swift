package import TPM

extension Finding {
    /// A fault of the quote as a whole, in the quote's own words.
    package init(_ error: QuoteError) {
        // Both closed lists are one: a word that verdicts don't know would be a fault of ours, and fails all the same.
        self.init(Reason(rawValue: error.reason) ?? .malformed, found: error.detail)
    }
}
