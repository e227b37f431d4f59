/// The two texts that Alipay signs in notifications. Both take all parameters but `sign`, unknown ones included, sorted by the
/// bytes of their names, as `name=value` joined with `&`; values are the decoded bytes, untouched.
///
/// Which one a sender uses is a fact about it and not about the message: a source pins its form (``NotificationProfile``).
public enum CanonicalForm: String, Sendable, Hashable, CaseIterable {
    /// Without `sign_type`: notifications of trades.
    case v1 = "V1"
    /// With `sign_type`: messages to the application gateway, and the property-fee pay results.
    case v2 = "V2"

    /// The exact bytes that the signature of this form covers.
    ///
    /// - Parameter droppingEmptyValues: leaves out parameters whose value is empty or blank, as the rule for *requests* says
    ///   and some senders do for notifications. Then nothing signed says whether such a parameter was sent.
    public func signedContent(of form: FormBody, droppingEmptyValues: Bool = false) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(form.storage.count + 2 * form.fields.count)
        for field in signedFields(of: form, droppingEmptyValues: droppingEmptyValues) {
            if !content.isEmpty { content.append(UInt8(ascii: "&")) }
            content.append(contentsOf: form.storage[field.name])
            content.append(UInt8(ascii: "="))
            content.append(contentsOf: form.storage[field.value])
        }
        return content
    }

    /// The parameters that the signature of this form covers, sorted.
    func signedFields(of form: FormBody, droppingEmptyValues: Bool) -> [FormBody.Field] {
        form.order.lazy.map { form.fields[$0] }.filter { field in
            let name = form.storage[field.name]
            if name.elementsEqual("sign".utf8) || self == .v1 && name.elementsEqual("sign_type".utf8) { return false }
            return !(droppingEmptyValues && form.isBlank(field))
        }
    }
}

extension FormBody {
    /// Whether a value is empty or has only what Java calls white space, which is what the signing code of senders goes by.
    func isBlank(_ field: Field) -> Bool {
        storage[field.value].allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) || (0x1C...0x1F).contains($0) }
    }
}
