import Wire

/// The parameters of a verified notification as text, and what their charset turned out to be.
///
/// The declared charset is the parameter `charset`, which is signed. Without it the Content-Type's counts where it is
/// a known one: it is not signed, and a proxy may have written it. Without either the bytes decide: UTF-8 if they are
/// valid UTF-8, else GBK.
struct NotificationText {
    let parameters: [(name: String, value: String)]
    let charset: Charset?
    var flags: Set<NotificationFlag> = []

    init(_ fields: [FormBody.Field], of form: FormBody, contentType: ContentType?) {
        let parameter = form.value(of: "charset").flatMap { $0.isEmpty ? nil : String(decoding: $0, as: UTF8.self) }
        let declared = (parameter ?? contentType?.charset).flatMap { Charset(label: $0) }
        if parameter != nil, declared == nil {
            charset = nil
            flags = [.unknownCharset]
            parameters = Self.texts(fields, of: form, Self.escaped)
            return
        }
        for candidate in declared.map({ [$0, .utf8, .gb18030] }) ?? [.utf8, .gbk] {
            guard let texts = Self.decoded(fields, of: form, candidate) else { continue }
            charset = candidate
            parameters = texts
            if let declared, declared != candidate { flags = [.charsetMismatch] }
            return
        }
        charset = nil
        flags = [.charsetMismatch]
        parameters = Self.texts(fields, of: form) { String(decoding: $0, as: UTF8.self) }
    }

    /// All of them in one charset, or nothing.
    private static func decoded(
        _ fields: [FormBody.Field], of form: FormBody, _ charset: Charset
    ) -> [(name: String, value: String)]? {
        if form.isASCII {
            return form.storage.withUnsafeBufferPointer { bytes in
                fields.map { field in
                    (
                        String(decoding: UnsafeBufferPointer(rebasing: bytes[field.name]), as: UTF8.self),
                        String(decoding: UnsafeBufferPointer(rebasing: bytes[field.value]), as: UTF8.self)
                    )
                }
            }
        }
        var texts: [(name: String, value: String)] = []
        texts.reserveCapacity(fields.count)
        for field in fields {
            guard let name = charset.decode(form.storage[field.name]),
                let value = charset.decode(form.storage[field.value])
            else { return nil }
            texts.append((name, value))
        }
        return texts
    }

    private static func texts(
        _ fields: [FormBody.Field], of form: FormBody, _ text: (ArraySlice<UInt8>) -> String
    ) -> [(name: String, value: String)] {
        fields.map { (text(form.storage[$0.name]), text(form.storage[$0.value])) }
    }

    /// ASCII as it is; with any other byte, all bytes beyond ASCII and every `%` as `%XX`, so that nothing is lost or
    /// guessed.
    private static func escaped(_ bytes: ArraySlice<UInt8>) -> String {
        guard bytes.contains(where: { $0 >= 0x80 }) else { return String(decoding: bytes, as: UTF8.self) }
        var text = ""
        for byte in bytes {
            if byte >= 0x80 || byte == UInt8(ascii: "%") {
                text += "%" + Digest.hex([byte]).uppercased()
            } else {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return text
    }
}
