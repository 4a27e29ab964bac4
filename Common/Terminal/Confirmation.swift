/// Asks whoever sits at the terminal for a yes or a no.
package enum Confirmation {
    /// Whether there is somebody to ask: standard input is a terminal.
    package static var isPossible: Bool { SecretPrompt.isPossible }

    /// Asks; whatever isn't a yes is a no.
    package static func ask(_ question: String) -> Bool {
        Output.question("\(question) [y/N] ")
        guard let answer = readLine() else {
            Output.notice("")
            return false
        }
        return ["y", "yes"].contains(answer.lowercased())
    }
}
