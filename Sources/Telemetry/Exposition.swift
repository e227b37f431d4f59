/// The text format 0.0.4 of Prometheus: how names, help texts, label values and numbers are written.
///
/// Source: prometheus.io/docs/instrumenting/exposition_formats. Everything that reaches a page of metrics passes here,
/// so a label value that an outsider chose (a gateway's code, a forged source) cannot break a line in two.
enum Exposition {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Longest label value that is kept, in characters; the rest is cut, since a label is a word and never a text.
    static let longestLabelValue = 128

    /// A label value, cut if need be. Counting characters is slow, and hardly any value has as many bytes as it may have characters.
    static func capped(_ value: String) -> String {
        value.utf8.count <= longestLabelValue ? value : String(value.prefix(longestLabelValue))
    }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*` for metrics; label names may not hold a colon. Anything else becomes an underscore.
    static func name(_ text: String, allowsColon: Bool = true) -> String {
        var name = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": name.unicodeScalars.append(scalar)
            case ":" where allowsColon: name.unicodeScalars.append(scalar)
            case "0"..."9":
                if name.isEmpty { name = "_" }
                name.unicodeScalars.append(scalar)
            default: name += "_"
            }
        }
        return name.isEmpty ? "_" : name
    }

    /// A label value between its quotes: backslash, quote and line feed are escaped, other control characters become `?`.
    static func labelValue(_ text: String) -> String {
        var value = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": value += "\\\\"
            case "\"": value += "\\\""
            case "\n": value += "\\n"
            case _ where scalar.properties.generalCategory == .control: value += "?"
            default: value.unicodeScalars.append(scalar)
            }
        }
        return value
    }

    static func help(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    /// A whole number without a fraction, anything else as the shortest text that reads back the same.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return String(Int64(value)) }
        return value.description
    }

    /// `name{a="x",b="y"} 12` and a line feed.
    static func sample(_ name: String, _ labels: [(name: String, value: String)], _ value: String) -> String {
        guard !labels.isEmpty else { return "\(name) \(value)\n" }
        let pairs = labels.map { "\($0.name)=\"\(labelValue($0.value))\"" }.joined(separator: ",")
        return "\(name){\(pairs)} \(value)\n"
    }
}
