import Wire

/// A signature as it can be read from the text of `sign`, and what had to be undone for that.
struct SignSpelling: Sendable {
    let signature: [UInt8]
    let repairs: [DoctorFinding]

    /// Every way to read these texts, the plainest first.
    static func all(of texts: [[UInt8]]) -> [SignSpelling] {
        var spellings: [SignSpelling] = []
        var seen: Set<[UInt8]> = []
        for text in texts where text.count <= longest && seen.count < 4 && seen.insert(text).inserted {
            for spelling in readings(of: text) where !spellings.contains(where: { $0.signature == spelling.signature })
            {
                spellings.append(spelling)
            }
        }
        return spellings
    }

    /// Base64 of the longest signature is 1,368 characters; escapes of escapes may make five of one.
    private static let longest = 8192

    private struct Step: Sendable {
        let corruption: Corruption?
        let change: @Sendable ([UInt8]) -> [UInt8]
    }

    /// In the order in which they are undone: the outermost first.
    private static let steps = [
        Step(corruption: .encodedTwice) { PercentText.decoded($0, plusIsBlank: false) },
        Step(corruption: .htmlEscaped) { HTMLText.unescaped($0) },
        // The verifier puts these back by itself, so that they are no cause.
        Step(corruption: nil) { $0.map { $0 == 0x20 ? UInt8(ascii: "+") : $0 } },
        Step(corruption: .signBroken) { $0.filter { !(0x09...0x0D).contains($0) } },
        Step(corruption: .signBroken) { withoutEdges($0) },
        Step(corruption: .signURLSafe) { text in
            text.map {
                $0 == UInt8(ascii: "-") ? UInt8(ascii: "+") : $0 == UInt8(ascii: "_") ? UInt8(ascii: "/") : $0
            }
        },
        Step(corruption: .signUnpadded) { text in
            let digits = text.filter { $0 != UInt8(ascii: "=") }
            return digits + Array(repeating: UInt8(ascii: "="), count: (4 - digits.count % 4) % 4)
        },
    ]

    /// Without quotes and blanks around it; by now such a blank is a `+`.
    private static func withoutEdges(_ text: [UInt8]) -> [UInt8] {
        let isEdge: (UInt8) -> Bool = {
            $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'")
        }
        var rest = text.drop(while: isEdge)
        while let last = rest.last, isEdge(last) { rest.removeLast() }
        return Array(rest)
    }

    private static func readings(of text: [UInt8]) -> [SignSpelling] {
        var found: [(text: [UInt8], repairs: [DoctorFinding])] = [(text, [])]
        for step in steps {
            for reading in found {
                let changed = step.change(reading.text)
                guard changed != reading.text, !found.contains(where: { $0.text == changed }) else { continue }
                var repairs = reading.repairs
                if let corruption = step.corruption { repairs.note(DoctorFinding(corruption, ["sign"])) }
                found.append((changed, repairs))
            }
        }
        return found.compactMap { reading in
            Base64.decode(reading.text).flatMap {
                $0.isEmpty ? nil : SignSpelling(signature: $0, repairs: reading.repairs)
            }
        }.sorted { $0.repairs.count < $1.repairs.count }
    }
}

extension Corruption {
    static let signBroken = Corruption(
        "sign_broken_up",
        "The value of sign has line breaks, quotes or blanks that do not belong to it.",
        do: "Pass sign on as one unbroken text; if it was copied from a log or a terminal, capture it anew.")
    static let signURLSafe = Corruption(
        "sign_url_safe",
        "The value of sign is in the URL-safe alphabet of Base64 (- and _ for + and /).",
        do: "Something on the way encodes Base64 anew; it must leave sign as it is.")
    static let signUnpadded = Corruption(
        "sign_unpadded",
        "The = at the end of sign were lost or are too many, as with a reader that splits pairs at every = sign.",
        do: "Split each pair at its first = only.")
}
