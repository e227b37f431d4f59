import Glibc

/// A codec that the platform names in its `charset` parameter: UTF-8, or one of the Chinese encodings through glibc's
/// iconv.
///
/// Signatures are checked over bytes, so a codec is needed only to show and to store text, and to write requests.
public struct Charset: Sendable, Hashable, CustomStringConvertible {
    private enum Codec: Sendable { case utf8, gbk, gb18030 }
    private let codec: Codec

    public static let utf8 = Charset(codec: .utf8)
    public static let gbk = Charset(codec: .gbk)
    public static let gb18030 = Charset(codec: .gb18030)

    private init(codec: Codec) {
        self.codec = codec
    }

    /// The codec that a label names, in any case; nil for all but UTF-8 and the GB family.
    ///
    /// `gb2312` means GBK here, because senders use it so: real messages under that label have characters beyond GB
    /// 2312.
    public init?(label: some StringProtocol) {
        switch label.lowercased() {
        case "utf-8", "utf8": self = .utf8
        case "gbk", "gb2312", "gb_2312", "gb_2312-80", "euc-cn", "cp936", "ms936", "windows-936": self = .gbk
        case "gb18030": self = .gb18030
        default: return nil
        }
    }

    /// The name by which the gateway knows the codec.
    public var description: String {
        switch codec {
        case .utf8: "utf-8"
        case .gbk: "gbk"
        case .gb18030: "gb18030"
        }
    }

    /// Whether this system can convert it. Some distributions pack iconv's tables apart; ask at start.
    public var isAvailable: Bool {
        codec == .utf8 || encode("\u{4E2D}") != nil
    }

    /// The text that the bytes spell, or nil where they are not valid in this codec: nothing is replaced or dropped.
    ///
    /// GBK is read as its superset GB18030 where only that has the character.
    @inlinable public func decode(_ bytes: some Collection<UInt8>) -> String? {
        bytes.withContiguousBytes { decode($0) }
    }

    /// ``decode(_:)`` of one run of memory.
    public func decode(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        // ASCII means the same in all of them; most values need no more than this.
        if codec == .utf8 || bytes.allSatisfy({ $0 < 0x80 }) { return Self.text(bytes.span) }
        if codec == .gbk, let text = Self.convert(bytes, from: "GBK", to: "UTF-8") { return Self.text(text.span) }
        return Self.convert(bytes, from: "GB18030", to: "UTF-8").flatMap { Self.text($0.span) }
    }

    /// The general `String(validating:as:)` asks the runtime for the types of its codec at each call, which costs three times
    /// as much as the rest of it.
    private static func text(_ bytes: Span<UInt8>) -> String? {
        guard let valid = try? UTF8Span(validating: bytes) else { return nil }
        return String(copying: valid)
    }

    /// The text in this codec, or nil where it has a character that the codec lacks.
    public func encode(_ text: String) -> [UInt8]? {
        let bytes = Array(text.utf8)
        switch codec {
        case .utf8: return bytes
        case .gbk: return bytes.withUnsafeBufferPointer { Self.convert($0, from: "UTF-8", to: "GBK") }
        case .gb18030: return bytes.withUnsafeBufferPointer { Self.convert($0, from: "UTF-8", to: "GB18030") }
        }
    }

    /// Converts the whole, or nothing. A descriptor holds state and belongs to one thread, so each call opens its own;
    /// the tables behind it are loaded once.
    private static func convert(_ bytes: UnsafeBufferPointer<UInt8>, from source: String, to target: String) -> [UInt8]?
    {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return [] }
        guard let descriptor = iconv_open(target, source), descriptor != Self.failed else { return nil }
        defer { iconv_close(descriptor) }
        // Two bytes of GBK become three of UTF-8, one (the euro sign at 0x80) becomes three; four become four. The
        // other way two bytes of UTF-8 become at most four. Three for one, and room for the shift back, covers all.
        let capacity = bytes.count * 3 + 16
        var complete = false
        let converted = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            buffer.withMemoryRebound(to: CChar.self) { output in
                // iconv takes its input as mutable and does not write to it.
                var from: UnsafeMutablePointer<CChar>? = UnsafeMutableRawPointer(mutating: start)
                    .assumingMemoryBound(to: CChar.self)
                var left = bytes.count
                var to = output.baseAddress
                var room = capacity
                complete = iconv(descriptor, &from, &left, &to, &room) == 0 && left == 0
                count = capacity - room
            }
        }
        return complete ? converted : nil
    }

    private static var failed: iconv_t? { iconv_t(bitPattern: -1) }
}
