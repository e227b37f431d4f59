import COpenSSL
import Wire

/// A certificate as OpenSSL holds it, parsed once and then only read; freed with its last reference.
///
/// Sharing it between threads is safe: nothing changes an `X509` after it was parsed here, its reference count is atomic,
/// and what OpenSSL computes of it on first use (the extensions' cache) it guards with the certificate's own lock.
final class X509: @unchecked Sendable {
    let pointer: OpaquePointer

    /// - Returns: nil for anything but exactly one certificate.
    init?(der: [UInt8]) {
        guard let pointer = RSAKey.decoded(der, { d2i_X509(nil, $0, $1) }, free: X509_free) else { return nil }
        self.pointer = pointer
    }

    deinit {
        X509_free(pointer)
    }

    /// The serial number in decimal digits.
    var serial: String? {
        guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(pointer), nil) else {
            ERR_clear_error()
            return nil
        }
        defer { BN_free(number) }
        guard let digits = BN_bn2dec(number) else { return nil }
        defer { CRYPTO_free(digits, #file, #line) }
        return String(cString: digits)
    }

    /// The algorithm of the certificate's own signature, in dotted digits.
    var signatureOID: String {
        var algorithm: UnsafePointer<X509_ALGOR>?
        X509_get0_signature(nil, &algorithm, pointer)
        var object: OpaquePointer?
        X509_ALGOR_get0(&object, nil, nil, algorithm)
        return Self.dotted(object)
    }

    var issuer: String { Self.text(of: X509_get_issuer_name(pointer)) }
    var subject: String { Self.text(of: X509_get_subject_name(pointer)) }

    var notBefore: Int64? { Self.seconds(X509_get0_notBefore(pointer)) }
    var notAfter: Int64? { Self.seconds(X509_get0_notAfter(pointer)) }

    /// The key that it certifies.
    var key: RSAKey? {
        guard let key = X509_get_pubkey(pointer) else {
            ERR_clear_error()
            return nil
        }
        return RSAKey(owning: key)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        // Days and seconds since 1970, so that no time zone of this machine comes into it.
        guard let time, let epoch = ASN1_TIME_set(nil, 0) else { return nil }
        defer { ASN1_STRING_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else {
            ERR_clear_error()
            return nil
        }
        return Int64(days) * 86_400 + Int64(seconds)
    }

    static func dotted(_ object: OpaquePointer?) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        let length = OBJ_obj2txt(&buffer, Int32(buffer.count), object, 1)
        guard length > 0 else { return "" }
        return String(decoding: buffer.prefix(Int(min(length, 127))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: Names

    /// A distinguished name as Java's `X500Principal.getName()` writes it, which is what Alipay computes with: the
    /// attributes that are there, the last encoded first, joined with `,`; those of one set with `+`.
    ///
    /// Keywords, escapes and the hexadecimal form of everything else follow RFC 2253 as Java reads it: `=` and `#` are
    /// escaped too, and characters beyond ASCII stay as they are.
    private static func text(of name: OpaquePointer?) -> String {
        guard let name else { return "" }
        var sets: [[String]] = []
        var last: Int32?
        for index in 0..<max(0, X509_NAME_entry_count(name)) {
            guard let entry = X509_NAME_get_entry(name, index) else { continue }
            let set = X509_NAME_ENTRY_set(entry)
            if set == last, !sets.isEmpty {
                sets[sets.count - 1].append(attribute(entry))
            } else {
                sets.append([attribute(entry)])
            }
            last = set
        }
        return sets.reversed().map { $0.joined(separator: "+") }.joined(separator: ",")
    }

    private static let keywords: [Int32: String] = [
        NID_commonName: "CN", NID_countryName: "C", NID_localityName: "L", NID_stateOrProvinceName: "ST",
        NID_organizationName: "O", NID_organizationalUnitName: "OU", NID_streetAddress: "STREET",
        NID_domainComponent: "DC", NID_userId: "UID",
    ]

    private static let textTypes: Set<Int32> = [
        V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, V_ASN1_T61STRING, V_ASN1_IA5STRING, V_ASN1_GENERALSTRING,
        V_ASN1_BMPSTRING,
    ]

    private static func attribute(_ entry: OpaquePointer) -> String {
        let object = X509_NAME_ENTRY_get_object(entry)
        let value = X509_NAME_ENTRY_get_data(entry)
        let keyword = keywords[OBJ_obj2nid(object)]
        if let keyword, textTypes.contains(ASN1_STRING_type(value)), let text = text(of: value) {
            return keyword + "=" + escaped(text)
        }
        let der = (try? RSAKey.encoded { i2d_ASN1_PRINTABLE(value, $0) }) ?? []
        return (keyword ?? dotted(object)) + "=#" + Digest.hex(der)
    }

    private static func text(of value: UnsafeMutablePointer<ASN1_STRING>?) -> String? {
        var bytes: UnsafeMutablePointer<UInt8>?
        let length = ASN1_STRING_to_UTF8(&bytes, value)
        guard length >= 0, let bytes else {
            ERR_clear_error()
            return nil
        }
        defer { CRYPTO_free(bytes, #file, #line) }
        return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(length)), as: UTF8.self)
    }

    private static func escaped(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        let first = scalars.firstIndex { $0 != " " } ?? scalars.endIndex
        let last = scalars.lastIndex { $0 != " " } ?? -1
        var out = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            if scalar == "\0" {
                out.append(contentsOf: "\\00".unicodeScalars)
                continue
            }
            if ",=+<>#;\"\\".unicodeScalars.contains(scalar) || (scalar == " " && (index < first || index > last)) {
                out.append("\\")
            }
            out.append(scalar)
        }
        return String(out)
    }
}
