/// Asks whoever sits at the terminal for a yes.
package enum Question {
    /// Asks; anything but a yes is a no.
    ///
    /// - Returns: nil if there is nobody to ask: standard input is no terminal.
    package static func isAnsweredYes(_ question: String) -> Bool? {
        guard SecretPrompt.isPossible else { return nil }
        Output.question(question + " [y/N] ")
        return ["y", "yes"].contains((readLine() ?? "").lowercased())
    }
}
