import Wire

/// The digest by which a repeated delivery is known. It is stored for ever, so its construction never changes:
///
///     SHA-256( "settled notification 1" ‖ 0x00 ‖ field ‖ field ‖ … )
///     field = length of the name ‖ name ‖ length of the value ‖ value
///
/// Lengths are 4 bytes, big-endian; names and values are the decoded bytes.
///
/// The fields are those that the signature covers, sorted by the bytes of their names, without `notify_time` and
/// `notify_id` (which differ between deliveries) and without `sign`; `sign_type` is among them in the form V2 only.
/// The lengths keep two different sets of fields from spelling the same text, which the signed text itself does not.
public enum NotificationDigest {
    static func of(_ signed: [FormBody.Field], in form: FormBody) -> [UInt8] {
        let left = [form.index(of: "notify_time"), form.index(of: "notify_id")].map { index in
            index.map { form.fields[$0].name.lowerBound }
        }
        var text = Array("settled notification 1\0".utf8)
        text.reserveCapacity(text.count + form.storage.count + 8 * signed.count)
        form.storage.withUnsafeBufferPointer { bytes in
            for field in signed where !left.contains(field.name.lowerBound) {
                append(UnsafeBufferPointer(rebasing: bytes[field.name]), to: &text)
                append(UnsafeBufferPointer(rebasing: bytes[field.value]), to: &text)
            }
        }
        return Digest.sha256(text)
    }

    private static func append(_ bytes: UnsafeBufferPointer<UInt8>, to text: inout [UInt8]) {
        withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { text.append(contentsOf: $0) }
        text.append(contentsOf: bytes)
    }
}
