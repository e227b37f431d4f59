/// Hides who somebody is and leaves enough to recognise them by, as Alipay itself does with login names.
enum Mask {
    /// An account number: the first and last four characters.
    static func account(_ text: String) -> String {
        text.count > 8 ? "\(text.prefix(4))****\(text.suffix(4))" : Self.text(text)
    }

    /// A login name comes masked from Alipay; one that does not is masked here.
    static func login(_ text: String) -> String { text.contains("*") ? text : account(text) }

    /// Any other text: its first character.
    static func text(_ text: String) -> String { text.isEmpty ? "" : "\(text.prefix(1))***" }
}
