/// The verdict of an appraisal: AR4SI's trustworthiness tiers, and `none` where there is no verdict.
package enum Tier: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    /// The log replays to the quote, a policy judged every record up to the match, and found no fault.
    case affirming
    /// The same, with findings that the policy only warns of.
    case warning
    /// Something failed.
    case contraindicated
    /// No verdict: no policy, or no quote.
    case none

    /// The word, such as `affirming`.
    package var description: String { rawValue }
}
