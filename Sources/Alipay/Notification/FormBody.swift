import Glibc

/// How large a form may be. What exceeds a limit is refused before it costs more than one look.
public struct FormLimits: Sendable, Hashable {
    /// Bytes of the whole body.
    public var bytes: Int
    /// Number of parameters.
    public var parameters: Int
    /// Decoded bytes of one name. A value may be as long as the body: a list of 5,000 bill ids is one value.
    public var nameBytes: Int

    public init(bytes: Int, parameters: Int, nameBytes: Int) {
        self.bytes = bytes
        self.parameters = parameters
        self.nameBytes = nameBytes
    }

    /// The limits for notifications: 256 KiB, 256 parameters, names of 256 bytes.
    public static let notification = FormLimits(bytes: 256 * 1024, parameters: 256, nameBytes: 256)
}

/// Why a body is no form that could have been signed.
public struct FormError: Error, Sendable, Hashable {
    public let cause: NotificationRejection.Cause
    /// What is wrong, without any of the content.
    public let message: String
}

/// An `application/x-www-form-urlencoded` body, split and decoded exactly once, into bytes.
///
/// Pairs are split at `&` and the first `=` of the encoded text; then `+` is a space and `%XX` a byte, in names and
/// values alike. The result is bytes, never text: the signature covers bytes, and a GBK character may have an escaped
/// first half and a bare second one. Everything that two readers could read differently is refused: a repeated name,
/// an escape that is none, an empty pair (`&&`), a pair without a name or without `=`, and a name that itself contains
/// `&` or `=`. Everything else stands for itself: `;`, brackets, blanks and letter case have no meaning.
public struct FormBody: Sendable {
    /// Where one parameter lies in ``storage``.
    struct Field: Sendable {
        let name: Range<Int>
        let value: Range<Int>
    }

    /// All decoded names and values, one after the other.
    let storage: [UInt8]
    /// The parameters in the order received.
    let fields: [Field]
    /// Indices into ``fields``, sorted by the bytes of the names.
    let order: [Int]

    /// Whether all bytes are ASCII, so that every charset here reads them alike.
    let isASCII: Bool
    /// Whether any name or value contains the byte 0.
    let containsNUL: Bool
    /// Whether any value contains `&`.
    let containsAmpersand: Bool

    /// Splits and decodes a body.
    ///
    /// - Throws: ``FormError`` with the cause `body_too_large`, `empty_body`, `too_many_params`, `param_too_long`,
    ///   `malformed_pair`, `ambiguous_name`, `bad_escape` or `duplicate_param`.
    public init(parsing body: [UInt8], limits: FormLimits = .notification) throws(FormError) {
        guard !body.isEmpty else { throw FormError(cause: .emptyBody, message: "the body is empty") }
        guard body.count <= limits.bytes else {
            throw FormError(cause: .bodyTooLarge, message: "the body has more than \(limits.bytes) bytes")
        }
        var fields: [Field] = []
        fields.reserveCapacity(32)
        var fault: FormError?
        storage = [UInt8](unsafeUninitializedCapacity: body.count) { decoded, count in
            body.withUnsafeBufferPointer { body in
                fault = Self.split(body, limits, into: decoded, &count, &fields)
            }
        }
        if let fault { throw fault }
        (isASCII, containsNUL, containsAmpersand) = storage.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return (true, false, false) }
            return (
                bytes.reduce(0, |) < 0x80,
                memchr(start, 0, bytes.count) != nil,
                memchr(start, Int32(UInt8(ascii: "&")), bytes.count) != nil
            )
        }
        self.fields = fields
        order = storage.withUnsafeBufferPointer { bytes in
            fields.indices.sorted { Self.precedes(bytes, fields[$0].name, fields[$1].name) }
        }
        for (earlier, later) in zip(order, order.dropFirst())
        where storage[fields[earlier].name] == storage[fields[later].name] {
            let name = KnownParameter.shown(storage[fields[later].name])
            throw FormError(cause: .duplicateParameter, message: "\(name) occurs more than once")
        }
    }

    /// The parameters in the order received, decoded.
    public var parameters: [(name: [UInt8], value: [UInt8])] {
        fields.map { (Array(storage[$0.name]), Array(storage[$0.value])) }
    }

    /// The bytes of a parameter, or nil where there is none of exactly this name.
    public func value(of name: String) -> ArraySlice<UInt8>? {
        field(name).map { storage[$0.value] }
    }

    func field(_ name: String) -> Field? {
        index(of: name).map { fields[$0] }
    }

    /// The index in ``fields`` of the parameter of exactly this name.
    func index(of name: String) -> Int? {
        var name = name
        return name.withUTF8 { name in
            storage.withUnsafeBufferPointer { bytes in
                fields.firstIndex { field in
                    field.name.count == name.count && Self.compare(bytes, field.name, name) == 0
                }
            }
        }
    }

    /// The body that stands for these parameters, in their order: letters, digits and `*-._` as they are, a blank as
    /// `+`, every other byte escaped.
    public static func encode(_ parameters: some Sequence<(name: [UInt8], value: [UInt8])>) -> [UInt8] {
        var body: [UInt8] = []
        for (name, value) in parameters {
            if !body.isEmpty { body.append(UInt8(ascii: "&")) }
            escape(name, into: &body)
            body.append(UInt8(ascii: "="))
            escape(value, into: &body)
        }
        return body
    }

    private static func escape(_ bytes: [UInt8], into text: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "*"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"):
                text.append(byte)
            case 0x20:
                text.append(UInt8(ascii: "+"))
            default:
                text.append(UInt8(ascii: "%"))
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            }
        }
    }
}

extension FormBody {
    /// One pass over the body. Decoding never lengthens, so the output has room for all of it.
    private static func split(
        _ body: UnsafeBufferPointer<UInt8>, _ limits: FormLimits, into decoded: UnsafeMutableBufferPointer<UInt8>,
        _ end: inout Int, _ fields: inout [Field]
    ) -> FormError? {
        var nameStart = 0
        var valueStart: Int?
        var index = 0
        while true {
            // Letters, digits and all that lies between `+` and `=` stand for themselves, which is nearly everything.
            while index < body.count, standsForItself(body[index]) {
                decoded[end] = body[index]
                end += 1
                index += 1
            }
            if index == body.count || body[index] == UInt8(ascii: "&") {
                guard let start = valueStart, start > nameStart else {
                    return FormError(cause: .malformedPair, message: "pair \(fields.count + 1) is not name=value")
                }
                guard fields.count < limits.parameters else {
                    return FormError(
                        cause: .tooManyParameters, message: "there are more than \(limits.parameters) parameters")
                }
                fields.append(Field(name: nameStart..<start, value: start..<end))
                if index == body.count { return nil }
                nameStart = end
                valueStart = nil
                index += 1
                continue
            }
            var byte = body[index]
            index += 1
            if byte == UInt8(ascii: "=") && valueStart == nil {
                guard end - nameStart <= limits.nameBytes else {
                    return FormError(
                        cause: .parameterTooLong,
                        message: "the name of parameter \(fields.count + 1) has more than \(limits.nameBytes) bytes")
                }
                valueStart = end
                continue
            }
            if byte == UInt8(ascii: "+") {
                byte = 0x20
            } else if byte == UInt8(ascii: "%") {
                guard body.count - index >= 2, let high = nibble(body[index]), let low = nibble(body[index + 1]) else {
                    return FormError(
                        cause: .badEscape,
                        message: "parameter \(fields.count + 1) has a % that two hexadecimal digits do not follow")
                }
                byte = high << 4 | low
                index += 2
                // In a value such a byte stands for itself; in a name it would let two forms have one signed text.
                if valueStart == nil, byte == UInt8(ascii: "&") || byte == UInt8(ascii: "=") {
                    return FormError(
                        cause: .ambiguousName,
                        message: "the name of parameter \(fields.count + 1) contains & or =")
                }
            }
            decoded[end] = byte
            end += 1
        }
    }

    private static func standsForItself(_ byte: UInt8) -> Bool {
        byte > UInt8(ascii: "=") || (UInt8(ascii: ",")...UInt8(ascii: "<")).contains(byte)
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// Whether one name sorts before another: byte by byte, a prefix first.
    private static func precedes(
        _ bytes: UnsafeBufferPointer<UInt8>, _ left: Range<Int>, _ right: Range<Int>
    ) -> Bool {
        let order = compare(bytes, left, UnsafeBufferPointer(rebasing: bytes[right]))
        return order == 0 ? left.count < right.count : order < 0
    }

    /// Compares as many bytes as both have.
    private static func compare(
        _ bytes: UnsafeBufferPointer<UInt8>, _ left: Range<Int>, _ right: UnsafeBufferPointer<UInt8>
    ) -> Int32 {
        guard let first = bytes.baseAddress, let second = right.baseAddress else { return 0 }
        return memcmp(first + left.lowerBound, second, min(left.count, right.count))
    }
}
