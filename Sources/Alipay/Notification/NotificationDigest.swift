/// The digest by which a repeated delivery is known. It is stored for ever, so its construction never changes:
///
///     SHA-256( "settled notification 1" ‖ 0x00 ‖ field ‖ field ‖ … )
///     field = length of the name ‖ name ‖ length of the value ‖ value      (lengths: 4 bytes, big-endian; bytes as decoded)
///
/// The fields are those that the signature covers, sorted by the bytes of their names, without `notify_time` and `notify_id`
/// (which differ between deliveries) and without `sign`; `sign_type` is among them in the form V2 only. The lengths keep two
/// different sets of fields from spelling the same text, which the signed text itself does not.
public enum NotificationDigest {
    static func of(_ signed: [FormBody.Field], in form: FormBody) -> [UInt8] {
        var text = Array("settled notification 1\0".utf8)
        text.reserveCapacity(text.count + form.storage.count + 8 * signed.count)
        for field in signed {
            let name = form.storage[field.name]
            if name.elementsEqual("notify_time".utf8) || name.elementsEqual("notify_id".utf8) { continue }
            append(name, to: &text)
            append(form.storage[field.value], to: &text)
        }
        return Digest.sha256(text)
    }

    private static func append(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        let length = UInt32(bytes.count)
        for shift: UInt32 in [24, 16, 8, 0] { text.append(UInt8(truncatingIfNeeded: length >> shift)) }
        text.append(contentsOf: bytes)
    }
}
