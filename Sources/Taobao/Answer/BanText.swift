/// How long a ban lasts, as the platform says it in a sentence: "This ban will last for 13 more seconds".
enum BanText {
    /// When the sentence names no time: a minute, and for the day's quota an hour, after which it is asked again.
    static let usual = Duration.seconds(60)
    static let usualForADay = Duration.seconds(3600)
    /// Quotas are by the day, so nothing makes us wait for more than two.
    static let longest: Int64 = 2 * 86_400

    /// The number before "seconds", at least 1; nil when there is none in the sentence's first 500 characters.
    static func duration(_ sentence: String?) -> Duration? {
        guard let match = sentence?.prefix(500).lowercased().firstMatch(of: /(\d{1,12})\s*(?:more\s+)?second/),
            let seconds = Int64(match.output.1)
        else { return nil }
        return .seconds(min(max(seconds, 1), longest))
    }
}
