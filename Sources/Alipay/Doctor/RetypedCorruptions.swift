import Wire

// Values that were read as numbers, times or JSON and written again.

extension Corruption {
    static let amountRewritten = Corruption(
        "amount_rewritten", "Amounts were read as numbers and written with other digits (20.50 and 20.5).",
        do: "Keep values as text until the signature is checked; read amounts only afterwards.")
    static let timeRewritten = Corruption(
        "time_rewritten", "Times were read and written in another form.",
        do: "Keep values as text until the signature is checked; read times only afterwards.")
    static let jsonRewritten = Corruption(
        "json_rewritten", "A value that is JSON was parsed and written again, with other blanks or escapes.",
        do: "Keep fund_bill_list and its like as the text that came; parse a copy.")
}

enum RetypedCorruptions {
    static let repairs: [Repair<CapturedForm>] = [
        Repair(.amountRewritten) { form in
            [isFraction, isNamedAmount, isAmount].flatMap { concerns in
                form.changing { isAmount($0) && concerns($0) ? withTwoDecimals($0.value) : nil }
                    + form.changing { isAmount($0) && concerns($0) ? withoutNeedlessDecimals($0.value) : nil }
            }
        },
        Repair(.timeRewritten) { form in form.changing { plainTime($0.value) } },
        Repair(.jsonRewritten) { form in
            JSONStyle.all.flatMap { style in form.changing { style.rewritten($0.value) } }
        },
    ]

    private static func isFraction(_ parameter: CapturedForm.Parameter) -> Bool {
        parameter.value.contains(UInt8(ascii: "."))
    }

    private static func isNamedAmount(_ parameter: CapturedForm.Parameter) -> Bool {
        parameter.name.reversed().starts(with: "_amount".utf8.reversed())
    }

    private static func isAmount(_ parameter: CapturedForm.Parameter) -> Bool {
        let name = String(decoding: parameter.name, as: UTF8.self)
        return name.hasSuffix("_amount") || name.hasSuffix("_fee") || name == "price" || name == "discount"
    }

    /// The digits before the point and behind it; nil for anything but a plain decimal number.
    private static func parts(_ value: [UInt8]) -> (whole: ArraySlice<UInt8>, fraction: ArraySlice<UInt8>)? {
        let parts = value.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), !parts[0].isEmpty, value.count <= 20,
            parts.joined().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return (parts[0], parts.count == 2 ? parts[1] : [])
    }

    private static func withTwoDecimals(_ value: [UInt8]) -> [UInt8]? {
        guard let (whole, fraction) = parts(value), fraction.count < 2 else { return nil }
        return whole + [UInt8(ascii: ".")] + fraction + Array(repeating: UInt8(ascii: "0"), count: 2 - fraction.count)
    }

    private static func withoutNeedlessDecimals(_ value: [UInt8]) -> [UInt8]? {
        guard let (whole, fraction) = parts(value), !fraction.isEmpty else { return nil }
        var kept = fraction
        while kept.last == UInt8(ascii: "0") { kept.removeLast() }
        return kept.isEmpty ? Array(whole) : whole + [UInt8(ascii: ".")] + kept
    }

    /// `2026-03-18 22:07:12` of the same time with a `T`, a fraction or a zone of China's behind it.
    private static func plainTime(_ value: [UInt8]) -> [UInt8]? {
        guard value.count >= 19, value.count <= 35, value[4] == UInt8(ascii: "-"), value[13] == UInt8(ascii: ":") else {
            return nil
        }
        var time = Array(value.prefix(19))
        guard time[10] == UInt8(ascii: "T") || time[10] == 0x20 else { return nil }
        time[10] = 0x20
        return ShanghaiTime.parse(String(decoding: time, as: UTF8.self)) == nil ? nil : time
    }
}

/// The ways in which libraries write the same JSON.
struct JSONStyle: Sendable, Hashable {
    enum Unicode: Sendable { case plain, lowerCase, upperCase }
    let escapesSlashes: Bool
    let unicode: Unicode
    /// Between members, and behind a name.
    let comma: String
    let colon: String

    init(escapesSlashes: Bool = false, unicode: Unicode = .plain, comma: String = ",", colon: String = ":") {
        self.escapesSlashes = escapesSlashes
        self.unicode = unicode
        self.comma = comma
        self.colon = colon
    }

    static let all = [
        JSONStyle(), JSONStyle(escapesSlashes: true), JSONStyle(unicode: .lowerCase), JSONStyle(unicode: .upperCase),
        JSONStyle(escapesSlashes: true, unicode: .lowerCase), JSONStyle(escapesSlashes: true, unicode: .upperCase),
        JSONStyle(comma: ", ", colon: ": "), JSONStyle(unicode: .lowerCase, comma: ", ", colon: ": "),
    ]

    /// The same array or object in this style; nil for anything else. Numbers keep their digits, members their order.
    func rewritten(_ text: [UInt8]) -> [UInt8]? {
        guard let first = text.first(where: { $0 > 0x20 }), first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
            let value = try? JSONValue(parsing: text)
        else { return nil }
        return bytes(value)
    }

    func bytes(_ value: JSONValue) -> [UInt8] {
        var out: [UInt8] = []
        write(value, to: &out)
        return out
    }

    private func write(_ value: JSONValue, to out: inout [UInt8]) {
        switch value {
        case .null: out += "null".utf8
        case .bool(let flag): out += (flag ? "true" : "false").utf8
        case .number(let digits): out += digits.utf8
        case .string(let text): write(text, to: &out)
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { out += comma.utf8 }
                write(element, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let object):
            out.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { out += comma.utf8 }
                write(member.key, to: &out)
                out += colon.utf8
                write(member.value, to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    private func write(_ text: String, to out: inout [UInt8]) {
        var written = Array(JSONWriter.string(text).utf8)
        if escapesSlashes { written = JSONEscapes.slashes(written) }
        switch unicode {
        case .plain: break
        case .lowerCase: written = JSONEscapes.unicode(written, upperCase: false) ?? written
        case .upperCase: written = JSONEscapes.unicode(written, upperCase: true) ?? written
        }
        out += written
    }
}
