import Alipay
import Foundation
import Testing
import Wire

@Suite struct KeyTests {
    @Test func `a private key is read in every usual encoding`() throws {
        let pair = try VectorKeys.shared.get().app
        let expected = try pair.publicKey.fingerprint
        let wrapped = { (label: String, body: String, line: String) in
            "-----BEGIN \(label)-----\(line)"
                + stride(from: 0, to: body.count, by: 64).map { body.dropFirst($0).prefix(64) + line }.joined()
                + "-----END \(label)-----\(line)"
        }
        let texts = [
            pair.privatePKCS8, pair.privatePKCS1,
            "\u{FEFF}  " + pair.privatePKCS8 + "\r\n",
            wrapped("PRIVATE KEY", pair.privatePKCS8, "\n"),
            wrapped("RSA PRIVATE KEY", pair.privatePKCS1, "\r\n"),
            "a comment before it\n" + wrapped("PRIVATE KEY", pair.privatePKCS8, "\n"),
            wrapped("RSA PRIVATE KEY", pair.privatePKCS8, "\n"),
            wrapped("PRIVATE KEY", pair.privatePKCS8, "\\n"),
            wrapped("PRIVATE KEY", pair.privatePKCS8, " "),
            wrapped("PRIVATE KEY", pair.privatePKCS8, ""),
            try pair.privateKey.pemPKCS8,
        ]
        for (number, text) in texts.enumerated() {
            #expect(try PrivateKey(text: text).publicKey.fingerprint == expected, "form \(number)")
        }
    }

    @Test func `a public key is read from SubjectPublicKeyInfo, PKCS#1 and a certificate`() throws {
        let pair = try VectorKeys.shared.get().alipay
        let key = try pair.publicKey
        #expect(try PublicKey(text: key.pem) == key)
        #expect(try pair.privateKey.publicKey == key)
        let spki = try #require(Base64.decode(pair.publicSPKI))
        // The last 270 bytes of a 2048-bit SubjectPublicKeyInfo are the PKCS#1 key.
        let pkcs1 = Base64.encode(spki.suffix(270))
        #expect(try PublicKey(text: "-----BEGIN RSA PUBLIC KEY-----\n\(pkcs1)\n-----END RSA PUBLIC KEY-----") == key)
        let certificates = try JSONDecoder().decode(Certificates.self, from: VectorFile.read("cert_sn"))
        let certificate = try #require(certificates.cases.first { $0.id == "C2" }?.pem)
        #expect(try PublicKey(text: certificate).bits == 2048)
    }

    private struct Certificates: Decodable {
        struct Case: Decodable {
            let id: String
            let pem: String
        }
        let cases: [Case]
    }

    @Test func `a key that cannot be used is refused with what it is and what to do`() throws {
        let keys = try VectorKeys.shared.get()
        func privateFault(_ text: String) -> KeyError? { fault { _ = try PrivateKey(text: text) } }
        func publicFault(_ text: String) -> KeyError? { fault { _ = try PublicKey(text: text) } }

        #expect(privateFault(" \n")?.code == .empty)
        #expect(privateFault("/etc/settled/app.pem")?.code == .unreadable)
        #expect(privateFault("AAAA")?.code == .unreadable)
        #expect(privateFault(keys.app.privatePKCS8.dropLast(8) + "")?.code == .unreadable)
        #expect(privateFault(keys.app.privatePKCS8 + "AAAA")?.code == .unreadable)
        #expect(privateFault("-----BEGIN PRIVATE KEY-----\n" + keys.app.privatePKCS8)?.code == .unreadable)
        let (whole, spki) = try (
            #require(Base64.decode(keys.app.privatePKCS8)), #require(Base64.decode(keys.app.publicSPKI))
        )
        #expect(fault { _ = try PrivateKey(der: whole + [0]) }?.code == .unreadable)
        #expect(fault { _ = try PublicKey(der: spki + [0]) }?.code == .unreadable)
        let swapped = privateFault(keys.app.publicSPKI)
        #expect(swapped?.code == .wrongHalf)
        #expect(swapped?.message == "this is a public key; private_key_file wants the application's private key")
        #expect(publicFault(keys.alipay.privatePKCS1)?.code == .wrongHalf)
        #expect(privateFault(Self.encryptedPKCS8)?.code == .encrypted)
        #expect(privateFault(Self.encryptedPKCS1)?.code == .encrypted)
        #expect(privateFault(Self.encryptedPKCS1)?.message.contains("openssl rsa") == true)
        #expect(privateFault(Self.ellipticPrivate)?.code == .notRSA)
        #expect(publicFault(Self.ellipticPublic)?.code == .notRSA)
        #expect(publicFault(Self.exponentThree)?.code == .size)
        let exponent = fault { _ = try PublicKey(text: Self.exponentThree, allowsLegacySize: true) }
        #expect(exponent?.message.contains("65537") == true)
        #expect(fault { _ = try PublicKey(text: Self.bits512, allowsLegacySize: true) }?.code == .size)
    }

    @Test func `a key of 1024 bits needs leave`() throws {
        let legacy = try VectorKeys.shared.get().legacy
        let refusal = fault { _ = try PublicKey(text: legacy.publicSPKI) }
        #expect(refusal?.code == .size)
        #expect(refusal?.message.contains("allow_legacy_rsa") == true)
        #expect(fault { _ = try PrivateKey(text: legacy.privatePKCS8) }?.code == .size)
        #expect(try PublicKey(text: legacy.publicSPKI, allowsLegacySize: true).bits == 1024)
    }

    @Test func `a private key with one changed digit is found when it is read`() throws {
        var der = try #require(Base64.decode(VectorKeys.shared.get().app.privatePKCS8))
        // Byte 100 lies inside the modulus, far from every length.
        der[100] ^= 1
        #expect(fault { _ = try PrivateKey(der: der) }?.code == .damaged)
    }

    @Test func `a signature is the reference's, and fails over any other bytes, key or algorithm`() throws {
        let keys = try VectorKeys.shared.get()
        let text = Array(#"{"econotify":"success"}"#.utf8)
        let cases = try JSONDecoder().decode(Acks.self, from: VectorFile.read("acks")).cases.filter { $0.sign != nil }
        #expect(cases.count == 2)
        for vector in cases {
            let algorithm = try #require(vector.sign_type.flatMap(SignatureAlgorithm.init))
            let signature = try keys.app.privateKey.sign(text, with: algorithm)
            #expect(Base64.encode(signature) == vector.sign)
            let key = try keys.app.publicKey
            #expect(key.verify(signature, over: text, with: algorithm))
            #expect(key.verify(signature, over: text[...], with: algorithm))
            #expect(!key.verify(signature, over: text.dropLast(), with: algorithm))
            #expect(!key.verify(signature, over: text, with: algorithm == .rsa ? .rsa2 : .rsa))
            #expect(try !keys.alipay.publicKey.verify(signature, over: text, with: algorithm))
            #expect(!key.verify([], over: text, with: algorithm))
            #expect(!key.verify(signature + [0], over: text, with: algorithm))
        }
    }

    private struct Acks: Decodable {
        struct Case: Decodable {
            let sign: String?
            let sign_type: String?
        }
        let cases: [Case]
    }

    @Test func `one key signs and verifies on many threads at once`() async throws {
        let key = try VectorKeys.shared.get().app.privateKey
        let failures = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<20).count { number in
                        let text = Array("\(task)/\(number)".utf8)
                        guard let signature = try? key.sign(text, with: .rsa2) else { return true }
                        return !key.publicKey.verify(signature, over: text, with: .rsa2)
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(failures == 0)
    }

    @Test func `a made key can be written and read back`() throws {
        let key = try PrivateKey.generate(bits: 1024)
        #expect(try PrivateKey(text: key.pemPKCS8, allowsLegacySize: true).publicKey == key.publicKey)
        #expect(key.bits == 1024)
    }

    @Test func `a private key shows nothing of its secret`() throws {
        let key = try VectorKeys.shared.get().app.privateKey
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped] {
            #expect(text.contains(key.publicKey.fingerprint.prefix(16)))
            #expect(text.count < 80)
        }
    }

    @Test func `a digest is the standard's example`() {
        #expect(
            Digest.hex(Digest.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            Digest.hex(Digest.sha256([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    private func fault(_ body: () throws -> Void) -> KeyError? {
        do {
            try body()
            return nil
        } catch {
            return error as? KeyError
        }
    }

    // Keys made for these tests alone; the passwords are thrown away.
    static let ellipticPrivate = """
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkCAPGh3b+XSi3kKU0gc7e6s6hVPyZwjki/BiROS0e+OhRANCAAQM
        1Rj9OpOPcCoK5wBHMHm9XVM5OKSgLee2e+5lPxM/FilBjo5UxlbD2CNenI/2ed+iFM2A2KwERU9/F+69MEIB
        """
    static let ellipticPublic = """
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkq4uCbwWqRTzQA6k9xboLlqAzruV4OUrdpfIu1BsZLUPucVoMsiWKt8mHzM9yEnR
        Km0NZIHto5pafuftooQ7jw==
        """
    static let exponentThree = """
        MIGdMA0GCSqGSIb3DQEBAQUAA4GLADCBhwKBgQDLEdsC/X/PiK3M/xWxHOqHUSvWMi133uSAi4OrD+quLvZdzdPxAD7/QlnAnFho
        mT4swEVW6k2vMx1jfAgoIiNL6pKUA7nO4owJgmAriISAQz+hS1bubpDfeHqaCtmUP34lIGmUHtNX20T9c/Q81+ely8jz8bXsOlBz
        NnbL8xLV1QIBAw==
        """
    static let bits512 = """
        MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALaqiOf8ZXZj/Gm96KGUZpNjZk3wzbuN7B7Dt6HAW7XXMok735bYfgl9gFEUuktMlA9q
        bEISpbWIDRmv/A2wt00CAwEAAQ==
        """
    static let encryptedPKCS8 = """
        MIIBvTBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIXR31/p8urO8CAggAMAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEq
        BBCfkIRf7k6e0pI5HPxL3E5GBIIBYPGm2caOW8n5Q7OnfyRst1sF3VoJJjauhOqSsLyCb8gehpyOZmrWB/V/rcCXWahRDH3EiXu/
        xV1eo2HxYnVjSCG5oLLVoa1J96MRQbn//c/5HnCUkZanlZb21wVJIE4RUSldt7ha91GhoalMo+fNRAS1oT5ci8DEa2KNrnZctzAe
        nrkezmEiiHvWGY4/GmDukJ4xohBLsr68eW7AghjqMVSuXrVOHvtoUZwNC1/k1l6jZBiJOyYv/TnTlbJb5uks1lVh02yu1rqk/jnX
        W+6aEfzD8a1leeK9Oro1MlYt4BBwQ1+0FV5Alj4Ft5RpXNezbsLKiSQjdw5MAXAijZ8iEngsNcxX3Zyf2uP4PDlpK8qZJSGGURCt
        fSHkBmwusqfmSSPt6HghwpKVaLIy2ldX8VMYND8onCa9QXkl+ECY6G4ugjEgAx8iWuHbOkrYJxvpoz8Xpfbe0hk8+dIV6Wc+2/w=
        """
    static let encryptedPKCS1 = """
        -----BEGIN RSA PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,0EA3852A3A0C4C52C4B774FC6495EBEA

        nEAHbh9iSyKHfMHYFMfU0ZjSNfZapc8cynrbS0RjNtDcHDLGgIQ/0qqjTsS6GQ3g
        -----END RSA PRIVATE KEY-----
        """
}
