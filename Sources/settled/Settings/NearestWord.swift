/// Finds the word that somebody probably meant.
enum NearestWord {
    /// The closest of `words` to `text`, or nil when none is close enough to be a slip of the fingers:
    /// at most one change in three characters, and never more than three.
    static func to(_ text: String, among words: some Sequence<String>) -> String? {
        let limit = min(3, text.count / 3)
        return words.map { (word: $0, changes: changes(from: text.lowercased(), to: $0.lowercased())) }
            .filter { $0.changes <= limit }
            .min { ($0.changes, $0.word) < ($1.changes, $1.word) }?.word
    }

    /// `, did you mean \`sources\`?` or nothing.
    static func question(_ text: String, among words: some Sequence<String>) -> String {
        to(text, among: words).map { ", did you mean `\($0)`?" } ?? ""
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
    static func changes(from first: String, to second: String) -> Int {
        let (first, second) = (Array(first), Array(second))
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for row in first.indices {
            var current = [row + 1]
            for column in second.indices {
                let isSame = first[row] == second[column]
                var best = min(last[column + 1] + 1, current[column] + 1, last[column] + (isSame ? 0 : 1))
                if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            beforeLast = last
            last = current
        }
        return last[second.count]
    }
}
