// Blanks and line ends that were cut off, added or converted.

extension Corruption {
    static let trimmed = Corruption(
        "trimmed", "Blanks or a line end at the edge of a value were signed, and are cut off.",
        do: "Do not trim values before verifying (a filter, a setter or a database column with trimming does it).")
    static let blanksAdded = Corruption(
        "blanks_added", "Blanks or a line end were added at the edge of a value.",
        do: "Take values as they were decoded; if this was captured by hand, capture it anew.")
    static let lineEndsChanged = Corruption(
        "line_ends_changed", "Line ends inside a value were converted (CRLF and LF).",
        do: "A text mode, a form library or version control converted them. Handle the body as bytes.")
}

enum BlankCorruptions {
    static let repairs: [Repair<CapturedForm>] = [
        Repair(.blanksAdded) { form in
            form.changing { parameter in
                parameter.value.last.map(isBlank) == true ? Array(parameter.value.dropLast()) : nil
            } + form.changing { trimmed($0.value) } + form.changing { trimmed($0.value, left: false) }
        },
        Repair(.lineEndsChanged) { form in
            form.changing { withLineEnds($0.value, [0x0D, 0x0A]) } + form.changing { withLineEnds($0.value, [0x0A]) }
        },
        Repair(.trimmed) { form in
            form.parameters.indices.flatMap { index in
                let parameter = form.parameters[index]
                return edges.map { before, after in
                    Variant(
                        form.with(value: before + parameter.value + after, at: index), places: [parameter.place],
                        isBroad: false)
                }
            }
        },
    ]

    /// What a value may have had at its edges.
    private static let edges: [(before: [UInt8], after: [UInt8])] = [
        ([], [0x20]), ([0x20], []), ([], [0x0A]), ([], [0x0D, 0x0A]), ([], [0x09]), ([], [0x20, 0x20]), ([0x09], []),
        ([0x20], [0x20]),
    ]

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func trimmed(_ value: [UInt8], left: Bool = true) -> [UInt8] {
        var value = value[...]
        while let last = value.last, isBlank(last) { value.removeLast() }
        return Array(left ? value.drop(while: isBlank) : value)
    }

    private static func withLineEnds(_ value: [UInt8], _ end: [UInt8]) -> [UInt8]? {
        guard value.contains(0x0A) || value.contains(0x0D) else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(value.count + 16)
        for (index, byte) in value.enumerated() {
            switch byte {
            case 0x0D where index + 1 < value.count && value[index + 1] == 0x0A: continue
            case 0x0A, 0x0D: out += end
            default: out.append(byte)
            }
        }
        return out
    }
}
