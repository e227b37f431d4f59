import COpenSSL

/// An RSA key as OpenSSL holds it, parsed once and then only read; freed with its last reference.
///
/// Sharing it between threads is safe: nothing changes an `EVP_PKEY` after it was parsed here, its reference count is
/// atomic, and what OpenSSL fills in on first use (the provider's copy, Montgomery and blinding values) it guards with
/// the key's own locks (openssl-threads(7)). Each operation has a context of its own
/// (``PreparedContexts``).
final class RSAKey: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes over the reference.
    init(owning pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        EVP_PKEY_free(pointer)
    }

    var bits: Int { Int(EVP_PKEY_get_bits(pointer)) }

    /// The length of a signature: that of the modulus, in bytes.
    var signatureLength: Int { Int(EVP_PKEY_get_size(pointer)) }

    /// Refuses what is not a usable RSA key: another algorithm, a modulus that is too short or absurdly long, or an
    /// exponent below 65537, which Alipay's keys never have and which the classical forgeries of this padding need.
    func check(allowsLegacySize: Bool) throws(KeyError) {
        guard EVP_PKEY_get_base_id(pointer) == NID_rsaEncryption else {
            throw KeyError(.notRSA, "this is not an RSA key; the OpenAPI's RSA2 and RSA need one (RSA, 2048 bits)")
        }
        guard bits >= 2048 || allowsLegacySize else {
            throw KeyError(.size, "this RSA key has \(bits) bits; fewer than 2048 needs allow_legacy_rsa: true")
        }
        guard (1024...8192).contains(bits) else {
            throw KeyError(.size, "this RSA key has \(bits) bits; 1024 to 8192 are accepted")
        }
        var exponent: OpaquePointer?
        defer { BN_free(exponent) }
        guard EVP_PKEY_get_bn_param(pointer, "e", &exponent) == 1, let exponent else {
            ERR_clear_error()
            throw KeyError(.damaged, "this RSA key has no public exponent")
        }
        guard BN_is_odd(exponent) == 1, BN_num_bits(exponent) > 16 else {
            throw KeyError(.size, "this RSA key has a public exponent below 65537; make a new key pair")
        }
    }

    /// The public half as SubjectPublicKeyInfo in DER.
    func publicDER() throws(KeyError) -> [UInt8] {
        try Self.encoded { i2d_PUBKEY(pointer, $0) }
    }

    /// Asks an `i2d` function for its length, then for its bytes.
    static func encoded(
        _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
    ) throws(KeyError) -> [UInt8] {
        let length = Int(encode(nil))
        guard length > 0 else {
            ERR_clear_error()
            throw KeyError(.operation, "OpenSSL cannot write this key")
        }
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            var end = buffer.baseAddress
            count = Int(encode(&end))
        }
    }

    /// Gives a `d2i` function the bytes and accepts its result only when it read all of them.
    static func decoded(
        _ der: [UInt8], _ decode: (UnsafeMutablePointer<UnsafePointer<UInt8>?>, Int) -> OpaquePointer?,
        free: (OpaquePointer) -> Void
    ) -> OpaquePointer? {
        der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            guard let start = bytes.baseAddress else { return nil }
            var end: UnsafePointer<UInt8>? = start
            guard let result = decode(&end, bytes.count) else {
                // The queue belongs to the thread, and libpq's TLS reads the same one.
                ERR_clear_error()
                return nil
            }
            guard end == start + bytes.count else {
                free(result)
                return nil
            }
            return result
        }
    }
}
