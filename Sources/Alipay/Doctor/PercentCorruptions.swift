// Percent-encoding undone too often, not at all, or by another rule.

extension Corruption {
    static let lostPlus = Corruption(
        "lost_plus", "A + in a value has become a blank.",
        do: """
            The value went through a URL or a form once more without being encoded: + must travel as %2B. Pass the \
            body on as bytes, or encode each value again.
            """)
    static let plusKept = Corruption(
        "plus_kept", "A blank in a value is still the + that a form writes for it.",
        do: "Decode with a form decoder (URLDecoder, urldecode): decodeURIComponent and rawurldecode leave + as it is.")
    static let encodedTwice = Corruption(
        "encoded_twice",
        "Values are still percent-encoded after decoding: they were encoded twice, or decoded by nobody.",
        do: "Decode each value exactly once, and do not encode what is encoded already when you pass it on.")
    static let decodedTwice = Corruption(
        "decoded_twice", "A value was decoded once too often: it was percent-encoded itself, and was signed so.",
        do: """
            The framework decodes the form already; remove the second URL decoding. passback_params is the usual \
            victim.
            """)
}

enum PercentCorruptions {
    static let repairs: [Repair<CapturedForm>] = [
        Repair(.lostPlus) { form in lostPlus(form) },
        Repair(.plusKept) { form in
            let blank: (CapturedForm.Parameter) -> [UInt8] = { $0.value.map { $0 == UInt8(ascii: "+") ? 0x20 : $0 } }
            return form.changing(blank) + form.changing { isTime(blank($0)) ? blank($0) : nil }
        },
        Repair(.encodedTwice) { form in
            guard form.parameters.contains(where: { $0.value.contains(UInt8(ascii: "%")) }) else { return [] }
            return form.changing { PercentText.decoded($0.value) }
                + form.changing { PercentText.decoded($0.value, plusIsBlank: false) }
        },
        Repair(.decodedTwice) { form in
            PercentText.Style.all.flatMap { style in form.changing { PercentText.encoded($0.value, style) } }
        },
    ]

    private static func lostPlus(_ form: CapturedForm) -> [Variant<CapturedForm>] {
        let restored: (CapturedForm.Parameter) -> [UInt8] = { parameter in
            parameter.value.map { $0 == 0x20 ? UInt8(ascii: "+") : $0 }
        }
        // The blank between day and time is one that was sent.
        return form.changing { isTime($0.value) ? nil : restored($0) } + form.changing(restored)
            + form.parameters.indices.filter { (2...mostBlanks).contains(blanks(form, $0).count) }
            .prefix(mostMixed).flatMap { chosen(form, $0) }
    }

    /// Values with more blanks than these, and more values than these, are not tried blank by blank.
    private static let (mostBlanks, mostMixed) = (7, 12)

    private static func blanks(_ form: CapturedForm, _ index: Int) -> [Int] {
        let value = form.parameters[index].value
        return isTime(value) ? [] : value.indices.filter { value[$0] == 0x20 }
    }

    /// A value that had blanks and `+` both: every choice among its blanks.
    private static func chosen(_ form: CapturedForm, _ index: Int) -> [Variant<CapturedForm>] {
        let parameter = form.parameters[index]
        let blanks = blanks(form, index)
        return (1..<(1 << blanks.count) - 1).map { choice in
            var value = parameter.value
            for (bit, blank) in blanks.enumerated() where choice & 1 << bit != 0 { value[blank] = UInt8(ascii: "+") }
            return Variant(form.with(value: value, at: index), places: [parameter.place], isBroad: false)
        }
    }

    static func isTime(_ value: [UInt8]) -> Bool {
        value.count >= 19 && value[10] == 0x20 && value[4] == UInt8(ascii: "-") && value[13] == UInt8(ascii: ":")
    }
}
