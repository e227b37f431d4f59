import Alipay
import Wire

/// Those who vouch in the sandbox's certificate mode: two roots, of which the elliptic one does not count, and the
/// intermediate that issues. Made anew each time; nothing outside believes them.
public struct SandboxAuthority: Sendable {
    private let root: Holder
    private let elliptic: Holder
    private let intermediate: Holder
    private let made: Int64

    private struct Holder: Sendable {
        let name: CertificatePaper.Name
        let key: String
        let certificate: [UInt8]
    }

    private static let years: Int64 = 365 * 86_400

    /// - Parameters:
    ///   - now: seconds since 1970; its certificates are valid from a day before that, for ten years.
    ///   - organisation: two of the same name pass for one another until a signature is checked.
    public init(
        now: Int64 = SystemClock.microseconds() / 1_000_000, organisation: String = "Sandbox Financial"
    ) throws {
        made = now
        func holder(
            _ commonName: String, key: String, by issuer: Holder?, serial: UInt64
        ) throws -> Holder {
            let name = [
                ("C", "CN"), ("O", organisation), ("OU", "Certification Authority"), ("CN", commonName),
            ]
            let paper = CertificatePaper(
                subject: name, issuer: issuer?.name ?? name, serial: serial, notBefore: now - 86_400,
                notAfter: now + 10 * Self.years, isAuthority: true)
            return Holder(name: name, key: key, certificate: try paper.signed(holder: key, by: issuer?.key ?? key))
        }
        root = try holder("Sandbox Root R1", key: PrivateKey.generate().pemPKCS8, by: nil, serial: 1)
        elliptic = try holder("Sandbox Root E1", key: CertificatePaper.ellipticKey(), by: nil, serial: 2)
        intermediate = try holder(
            "Sandbox Class 1 R1", key: PrivateKey.generate().pemPKCS8, by: root, serial: 3)
    }

    /// `alipay_root_cert_file`, as untidy as the real one: an elliptic root first, a block that nobody can read, remarks
    /// between the blocks.
    public var bundle: String {
        "# Sandbox roots\r\n" + Self.pem(elliptic.certificate)
            + Self.pem(Array("of an algorithm that is not known here".utf8)) + "\n# the one that counts\n"
            + Self.pem(root.certificate)
    }

    /// A certificate of `key`, followed by the intermediate's, as Alipay's console delivers its own.
    ///
    /// - Parameters:
    ///   - from: seconds since 1970; yesterday if not given.
    ///   - until: in two years if not given.
    public func certificate(
        of key: PrivateKey, named commonName: String, serial: UInt64, from: Int64? = nil, until: Int64? = nil
    ) throws -> String {
        let paper = CertificatePaper(
            subject: [("C", "CN"), ("O", "Sandbox"), ("CN", commonName)], issuer: intermediate.name, serial: serial,
            notBefore: from ?? made - 86_400, notAfter: until ?? made + 2 * Self.years)
        return try Self.pem(paper.signed(holder: key.pemPKCS8, by: intermediate.key))
            + Self.pem(intermediate.certificate)
    }

    private static func pem(_ der: [UInt8]) -> String {
        let text = Array(Base64.encode(der))
        var lines = "-----BEGIN CERTIFICATE-----\n"
        for start in stride(from: 0, to: text.count, by: 64) {
            lines += String(text[start..<min(start + 64, text.count)]) + "\n"
        }
        return lines + "-----END CERTIFICATE-----\n"
    }
}
