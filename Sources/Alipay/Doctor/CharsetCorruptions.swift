import Wire

// Bytes that were read in one charset and written in another.

extension Corruption {
    static let utf8OfGBK = Corruption(
        "utf8_of_gbk", "The values were signed as GBK bytes and arrive in UTF-8.",
        do: """
            A proxy, a framework or the capture itself converted the charset. The signature covers the bytes that were \
            sent: verify before anything is decoded, or encode in the parameter charset again.
            """)
    static let gbkOfUTF8 = Corruption(
        "gbk_of_utf8", "The values were signed as UTF-8 bytes and arrive in GBK.",
        do: """
            A proxy, a framework or the capture itself converted the charset. Verify before anything is decoded, or \
            encode in UTF-8 again.
            """)
    static let readAsGBK = Corruption(
        "read_as_gbk", "UTF-8 was read as GBK and written as UTF-8 again (鐗╀笟 for 物业).",
        do: "Set the request's character encoding to UTF-8 before the first parameter is read.")
    static let readAsLatin1 = Corruption(
        "read_as_latin1", "The bytes were read as ISO-8859-1 or Windows-1252 and written as UTF-8 (Ã§ for ç).",
        do: """
            The framework's default charset is ISO-8859-1. Set the request's character encoding before the first \
            parameter is read, or take the raw body.
            """)
}

enum CharsetCorruptions {
    static let repairs: [Repair<CapturedForm>] = [
        Repair(.utf8OfGBK) { form in saysUTF8(form) ? [] : whole(form, gbkBytes) },
        Repair(.readAsGBK) { form in saysUTF8(form) ? whole(form, gbkBytes) : [] },
        Repair(.gbkOfUTF8) { form in whole(form, utf8Bytes) },
        Repair(.readAsLatin1) { form in whole(form, Latin1.bytes(of:)) },
    ]

    /// All names and values in the other charset. Not in parts: a body has one.
    private static func whole(
        _ form: CapturedForm, _ convert: ([UInt8]) -> [UInt8]?
    ) -> [Variant<CapturedForm>] {
        var places: [String] = []
        var parameters: [CapturedForm.Parameter] = []
        for parameter in form.parameters {
            guard let name = converted(parameter.name, convert), let value = converted(parameter.value, convert) else {
                return []
            }
            if name != parameter.name || value != parameter.value { places.append(parameter.place) }
            parameters.append(CapturedForm.Parameter(name, value))
        }
        return places.isEmpty ? [] : [Variant(form.with(parameters), places: places, isBroad: true)]
    }

    private static func converted(_ bytes: [UInt8], _ convert: ([UInt8]) -> [UInt8]?) -> [UInt8]? {
        bytes.allSatisfy { $0 < 0x80 } ? bytes : convert(bytes)
    }

    private static func saysUTF8(_ form: CapturedForm) -> Bool {
        form.value(of: "charset").flatMap { Charset(label: String(decoding: $0, as: UTF8.self)) } == .utf8
    }

    /// What was undone, by the right name: which of two stories the same bytes tell, the charset that was put back says.
    static func named(_ found: DoctorSearch<CapturedForm, FormHit>.Found) -> [DoctorFinding] {
        found.repairs.map { finding in
            finding.corruption == .readAsGBK && !saysUTF8(found.hit.message)
                ? DoctorFinding(.utf8OfGBK, finding.places) : finding
        }
    }

    static func gbkBytes(_ utf8: [UInt8]) -> [UInt8]? {
        String(validating: utf8, as: UTF8.self).flatMap { Charset.gbk.encode($0) ?? Charset.gb18030.encode($0) }
    }

    static func utf8Bytes(_ gbk: [UInt8]) -> [UInt8]? {
        Charset.gbk.decode(gbk).map { Array($0.utf8) }
    }
}

/// ISO-8859-1, and what Windows has in the place of its control characters.
enum Latin1 {
    /// The bytes that were taken for these characters; nil where there is a character that no byte stands for.
    static func bytes(of utf8: [UInt8]) -> [UInt8]? {
        guard let text = String(validating: utf8, as: UTF8.self) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count)
        for scalar in text.unicodeScalars {
            if scalar.value < 0x100 {
                bytes.append(UInt8(scalar.value))
            } else if let byte = windows1252[scalar] {
                bytes.append(byte)
            } else {
                return nil
            }
        }
        return bytes
    }

    private static let windows1252: [Unicode.Scalar: UInt8] = [
        "€": 0x80, "‚": 0x82, "ƒ": 0x83, "„": 0x84, "…": 0x85, "†": 0x86, "‡": 0x87, "ˆ": 0x88, "‰": 0x89,
        "Š": 0x8A, "‹": 0x8B, "Œ": 0x8C, "Ž": 0x8E, "‘": 0x91, "’": 0x92, "“": 0x93, "”": 0x94, "•": 0x95,
        "–": 0x96, "—": 0x97, "˜": 0x98, "™": 0x99, "š": 0x9A, "›": 0x9B, "œ": 0x9C, "ž": 0x9E, "Ÿ": 0x9F,
    ]
}
