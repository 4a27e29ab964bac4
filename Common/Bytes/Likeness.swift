/// The word that was probably meant by one that nobody knows; nil if none is like it.
///
/// - Parameter known: the words that there are; of several that are as near, the first.
package func nearest(to word: String, among known: [String]) -> String? {
    let nearest = known.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
    guard let (meant, distance) = nearest, distance <= max(2, word.count / 4), distance < word.count else { return nil }
    return meant
}

/// How many letters must be added, removed or changed to make one text of the other (Levenshtein).
private func distance(_ one: String, _ other: String) -> Int {
    let other = Array(other)
    var row = Array(0...other.count)
    for (index, letter) in one.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for (column, candidate) in other.enumerated() {
            let change = diagonal + (letter == candidate ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(change, row[column] + 1, diagonal + 1)
        }
    }
    return row[other.count]
}
