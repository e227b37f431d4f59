/// What was odd about a notification whose signature holds. It is stored with the notification and counted; some lead
/// to quarantine, none keeps the acknowledgement back.
public enum NotificationFlag: String, Sendable, Hashable, CaseIterable, Comparable {
    /// `sign` had blanks where its `+` had been; they were put back, in `sign` alone.
    case plusAsSpace = "plus_as_space"
    /// The bytes are not in the charset that the message declares. They are shown in the one that they fit,
    /// losslessly, or with replacement characters where they fit none.
    case charsetMismatch = "charset_mismatch"
    /// The declared charset is none that is known. Nothing was converted: values that are not ASCII are shown escaped.
    case unknownCharset = "unknown_charset"
    /// Empty or blank parameters are not covered by the signature and are treated as absent.
    case unsignedEmpty = "unsigned_empty"
    /// A value contains `&name=` with a known name: the same signature would fit a message split there.
    case ambiguousCanonical = "ambiguous_canonical"
    /// A name or value contains the character NUL, which PostgreSQL's text cannot hold.
    case nulInValue = "nul_in_value"

    public static func < (left: NotificationFlag, right: NotificationFlag) -> Bool { left.rawValue < right.rawValue }
}
