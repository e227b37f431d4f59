/// A JSON text in the making, member order kept: what is signed is the text, so the text is what we build.
indirect enum AnswerText: Sendable {
    case object([(name: String, value: AnswerText)])
    case array([AnswerText])
    case string(String)
    /// Written as it stands, e.g. a number.
    case literal(String)

    func written(_ shape: AnswerShape) -> String {
        var text = ""
        write(to: &text, shape)
        return text
    }

    private func write(to text: inout String, _ shape: AnswerShape) {
        let gap = shape.isSpaced ? "\n  " : ""
        switch self {
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                text += (index > 0 ? "," : "") + gap
                Self.string(member.name).write(to: &text, shape)
                text += shape.isSpaced ? " : " : ":"
                member.value.write(to: &text, shape)
            }
            text += gap + "}"
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                text += (index > 0 ? "," : "") + gap
                element.write(to: &text, shape)
            }
            text += gap + "]"
        case .literal(let literal): text += literal
        case .string(let string):
            text += "\""
            for scalar in string.unicodeScalars { Self.escape(scalar, to: &text, shape) }
            text += "\""
        }
    }

    private static func escape(_ scalar: Unicode.Scalar, to text: inout String, _ shape: AnswerShape) {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "/" where shape.escapesSlashes: text += "\\/"
        case _ where scalar.value < 0x20 || (shape.escapesUnicode && !scalar.isASCII):
            for unit in String(scalar).utf16 {
                let hex = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            }
        default: text.unicodeScalars.append(scalar)
        }
    }
}
