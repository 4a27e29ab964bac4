/// What bars and trees are drawn with.
package struct Drawing: Hashable, Sendable {
    /// Cells of a bar.
    let done: String
    let open: String
    /// An entry of a tree that others follow, and the last one.
    package let branch: String
    package let lastBranch: String
    /// What stands before the entries below one that others follow, and below the last one.
    package let stem: String
    package let lastStem = "    "

    /// For terminals whose characters are Unicode's.
    package static let unicode = Drawing(done: "█", open: "░", branch: "├── ", lastBranch: "└── ", stem: "│   ")
    /// For all others.
    package static let ascii = Drawing(done: "#", open: ".", branch: "|-- ", lastBranch: "`-- ", stem: "|   ")

    private init(done: String, open: String, branch: String, lastBranch: String, stem: String) {
        self.done = done
        self.open = open
        self.branch = branch
        self.lastBranch = lastBranch
        self.stem = stem
    }
}
