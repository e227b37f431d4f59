import Wire

// What happened to a body when it was captured, and the other ways in which its text can be read.

extension Corruption {
    static let captureEdges = Corruption(
        "capture_edges", "The capture has a line end, quotes or a byte order mark around the body.",
        do:
            "An editor or a shell added them (use curl --data-binary, printf). If they came over the wire, remove the cause."
    )
    static let captureWithHeaders = Corruption(
        "capture_with_headers", "The capture holds more than the body: request line, headers or an address.",
        do: "Nothing is wrong with the message; give the body alone next time.")
    static let captureDecoded = Corruption(
        "capture_decoded", "What was captured is text that was decoded already, not the body as it was sent.",
        do: """
            Capture the raw body before the framework reads it. If your own code verifies what was captured, it must \
            not decode it again.
            """)
    static let captureJSON = Corruption(
        "capture_json", "What was captured is JSON of the parameters, as a framework hands them out.",
        do: "Nothing is lost, but signatures cover the form's values: capture the raw body next time.")
    static let captureLines = Corruption(
        "capture_lines", "What was captured is one parameter a line, not the body as it was sent.",
        do: "Nothing is lost, but capture the raw body next time.")
}

/// The ways to read a captured body, the likeliest first.
enum CaptureReadings {
    typealias Reading = DoctorSearch<CapturedForm, FormHit>.Reading

    static func all(of body: [UInt8]) -> [Reading] {
        var readings = [Reading(subject: CapturedForm(decoding: body), supposes: [])]
        func add(_ form: CapturedForm?, _ corruption: Corruption) {
            guard let form, !form.parameters.isEmpty, !readings.contains(where: { $0.subject == form }) else { return }
            readings.append(Reading(subject: form, supposes: [DoctorFinding(corruption)]))
        }
        let bare = withoutEdges(body)
        // A line end behind the last value is no part of a form; what reads without it is read so first.
        if bare != body {
            readings.insert(
                Reading(subject: CapturedForm(decoding: bare), supposes: [DoctorFinding(.captureEdges)]), at: 0)
        }
        let text = withoutHeaders(bare)
        if text != bare { add(CapturedForm(decoding: text), .captureWithHeaders) }
        add(json(text), .captureJSON)
        let unescaped = HTMLText.unescaped(text)
        if unescaped != text { add(CapturedForm(decoding: unescaped), .htmlEscaped) }
        if isEncodedAsAWhole(text) {
            add(CapturedForm(decoding: PercentText.decoded(text, plusIsBlank: false)), .encodedTwice)
        }
        for undecoded in undecoded(text) + (unescaped == text ? [] : undecoded(unescaped)) {
            add(undecoded, .captureDecoded)
        }
        add(lines(text), .captureLines)
        return readings
    }

    // MARK: Around the body

    static func withoutEdges(_ body: [UInt8]) -> [UInt8] {
        var text = body[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        let isEdge: (UInt8) -> Bool = {
            $0 <= 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "`")
        }
        text = text.drop(while: isEdge)
        while let last = text.last, isEdge(last) { text.removeLast() }
        return Array(text)
    }

    static func withoutHeaders(_ text: [UInt8]) -> [UInt8] {
        if text.starts(with: "POST ".utf8) || text.starts(with: "HTTP/".utf8) {
            for gap in [[0x0D, 0x0A, 0x0D, 0x0A], [0x0A, 0x0A]] as [[UInt8]] {
                if let end = text.firstRange(of: gap) { return Array(text[end.upperBound...]) }
            }
        }
        guard let question = text.firstIndex(of: UInt8(ascii: "?")),
            !text[..<question].contains(UInt8(ascii: "=")), !text[..<question].contains(UInt8(ascii: "&"))
        else { return text }
        return Array(text[(question + 1)...])
    }

    /// Whether a form was encoded again as if it were one value: then no `&` is left, or every `%` is a `%25`.
    private static func isEncodedAsAWhole(_ text: [UInt8]) -> Bool {
        if !text.contains(UInt8(ascii: "&")) { return true }
        return text.indices.allSatisfy {
            text[$0] != UInt8(ascii: "%") || text[$0...].starts(with: "%25".utf8)
        }
    }

    // MARK: Another text than a form

    private static func json(_ text: [UInt8]) -> CapturedForm? {
        guard text.first == UInt8(ascii: "{"), let value = try? JSONValue(parsing: text),
            case .object(let object) = value, object.members.count <= CapturedForm.mostParameters
        else { return nil }
        return CapturedForm(object.members.map { CapturedForm.Parameter($0.key, self.text(of: $0.value)) })
    }

    /// Of a list the first element: some frameworks keep a list of values for each name.
    private static func text(of value: JSONValue) -> String {
        switch value {
        case .string(let text), .number(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .null: ""
        case .array(let elements): elements.first.map { text(of: $0) } ?? ""
        case .object: String(decoding: JSONStyle().bytes(value), as: UTF8.self)
        }
    }

    /// The text split and not decoded. A decoded value may contain `&`, so what does not begin like a parameter belongs
    /// to the one before it: what has no `=`, no name of the usual form, or no known one.
    private static func undecoded(_ text: [UInt8]) -> [CapturedForm] {
        let isParameter: [(ArraySlice<UInt8>) -> Bool] = [
            { $0.contains(UInt8(ascii: "=")) },
            { piece in
                let name = piece.prefix { $0 != UInt8(ascii: "=") }
                return name.count >= 3 && name.count < piece.count
                    && name.allSatisfy {
                        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "_")
                    }
            },
            { KnownParameter.names.contains(String(decoding: $0.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)) },
        ]
        return isParameter.map { isParameter in
            var pairs: [[UInt8]] = []
            for piece in text.split(
                separator: UInt8(ascii: "&"), maxSplits: CapturedForm.mostParameters, omittingEmptySubsequences: false)
            {
                if pairs.isEmpty || isParameter(piece) {
                    pairs.append(Array(piece))
                } else {
                    pairs[pairs.count - 1] += [UInt8(ascii: "&")] + piece
                }
            }
            return CapturedForm(pairs.map { split($0, at: UInt8(ascii: "=")) })
        }
    }

    private static func lines(_ text: [UInt8]) -> CapturedForm? {
        let lines = text.split(maxSplits: CapturedForm.mostParameters) { $0 == 0x0A || $0 == 0x0D }
        guard lines.count > 2 else { return nil }
        for separator in [UInt8(ascii: "="), UInt8(ascii: ":")]
        where lines.allSatisfy({ $0.contains(separator) }) {
            return CapturedForm(
                lines.map { line in
                    let pair = split(Array(line), at: separator)
                    guard separator == UInt8(ascii: ":") else { return pair }
                    return CapturedForm.Parameter(pair.name, Array(pair.value.drop { $0 == 0x20 }))
                })
        }
        return nil
    }

    private static func split(_ pair: [UInt8], at separator: UInt8) -> CapturedForm.Parameter {
        guard let end = pair.firstIndex(of: separator) else { return CapturedForm.Parameter(pair, []) }
        return CapturedForm.Parameter(Array(pair[..<end]), Array(pair[(end + 1)...]))
    }
}
