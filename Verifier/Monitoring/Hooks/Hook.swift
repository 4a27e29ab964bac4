/// Somebody outside who is told of a change of tier.
package protocol Hook: Sendable {
    /// Which kind it is: `command` or `webhook`.
    var kind: HookKind { get }

    /// Tells it, once.
    ///
    /// A cancelled call gives up at once, and leaves nothing running.
    /// - Throws: why it wasn't told, in words for the log.
    func deliver(_ change: TierChange) async throws
}

/// The kinds of hook.
package enum HookKind: String, CaseIterable, Hashable, Sendable {
    case command
    case webhook
}

/// Why a hook could not be told.
package struct HookError: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
