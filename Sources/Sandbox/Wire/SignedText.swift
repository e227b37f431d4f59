/// The text that Alipay's signatures cover: the parameters by name in byte order, `name=value` joined with `&`, never encoded.
///
/// What is left out differs and is the caller's business: requests drop empty values, notifications keep them; `sign` is never
/// part of it, `sign_type` is unless the form is V1.
enum SignedText {
    static func of(_ parameters: [(name: [UInt8], value: [UInt8])]) -> [UInt8] {
        var text: [UInt8] = []
        for parameter in parameters.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
            if !text.isEmpty { text.append(0x26) }
            text += parameter.name + [0x3D] + parameter.value
        }
        return text
    }
}
