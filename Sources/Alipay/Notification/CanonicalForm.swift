/// The two texts that Alipay signs in notifications. Both take all parameters but `sign`, unknown ones included,
/// sorted by the bytes of their names, as `name=value` joined with `&`; values are the decoded bytes, untouched.
///
/// Which one a sender uses is a fact about it and not about the message: a source pins its form
/// (``NotificationProfile``).
public enum CanonicalForm: String, Sendable, Hashable, CaseIterable {
    /// Without `sign_type`: notifications of trades.
    case v1 = "V1"
    /// With `sign_type`: messages to the application gateway, and the property-fee pay results.
    case v2 = "V2"

    /// The exact bytes that the signature of this form covers.
    ///
    /// - Parameter droppingEmptyValues: leaves out parameters whose value is empty or blank, as the rule for
    /// *requests* says
    ///   and some senders do for notifications. Then nothing signed says whether such a parameter was sent.
    public func signedContent(of form: FormBody, droppingEmptyValues: Bool = false) -> [UInt8] {
        Self.content(of: signedFields(of: form, droppingEmptyValues: droppingEmptyValues), in: form)
    }

    /// The parameters that the signature of this form covers, sorted.
    ///
    /// - Parameter unsigned: the index of one more field that is left out.
    func signedFields(
        of form: FormBody, droppingEmptyValues: Bool, without unsigned: Int? = nil
    ) -> [FormBody.Field] {
        let sign = form.index(of: "sign")
        let signType = self == .v1 ? form.index(of: "sign_type") : nil
        var fields: [FormBody.Field] = []
        fields.reserveCapacity(form.order.count)
        for index in form.order where index != sign && index != signType && index != unsigned {
            let field = form.fields[index]
            if droppingEmptyValues, form.isBlank(field) { continue }
            fields.append(field)
        }
        return fields
    }

    static func content(of fields: [FormBody.Field], in form: FormBody) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(form.storage.count + 2 * fields.count)
        form.storage.withUnsafeBufferPointer { bytes in
            for field in fields {
                if !content.isEmpty { content.append(UInt8(ascii: "&")) }
                content.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[field.name]))
                content.append(UInt8(ascii: "="))
                content.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[field.value]))
            }
        }
        return content
    }
}

extension FormBody {
    /// Whether a value is empty or has only what Java calls white space, which is what the signing code of senders
    /// goes by.
    func isBlank(_ field: Field) -> Bool {
        storage[field.value].allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) || (0x1C...0x1F).contains($0) }
    }
}
