import Alipay
import Foundation
import Testing
import Wire

/// The cases of `cert_sn.json`: certificates and bundles with the numbers that other implementations computed.
struct CertificateCase: Decodable, CustomTestStringConvertible {
    let id: String
    let description: String
    let pem: String
    let issuer: String?
    let serial: String?
    let number: String?
    let signatureOID: String?
    let rootNumber: String?
    let each: [[String]]?
    let firstNumber: String?
    let validAgainst: String?
    let downloaded: String?

    enum CodingKeys: String, CodingKey {
        case id, description, pem
        case issuer = "issuer_dn_string"
        case serial = "serial_decimal"
        case number = "expected_sn"
        case signatureOID = "signature_oid"
        case rootNumber = "expected_root_sn"
        case each = "per_cert"
        case firstNumber = "expected_sn_of_first"
        case validAgainst = "chain_valid_against"
        case downloaded = "download_api_form_b64"
    }

    var testDescription: String { "\(id) \(description)" }

    static let all = Result { () throws -> [CertificateCase] in
        struct File: Decodable { let cases: [CertificateCase] }
        return try JSONDecoder().decode(File.self, from: VectorFile.read("cert_sn")).cases
    }

    static func named(_ id: String) throws -> CertificateCase {
        try #require(all.get().first { $0.id == id })
    }
}

@Suite struct CertificateVectorTests {
    @Test func `all ten cases are there`() throws {
        let count = try CertificateCase.all.get().count
        print("cert_sn.json: \(count) cases")
        #expect(count == 10)
    }

    @Test(arguments: try CertificateCase.all.get())
    func `a certificate and a bundle have the numbers that Alipay computes`(vector: CertificateCase) throws {
        #expect(vector.number != nil || vector.rootNumber != nil || vector.firstNumber != nil)
        if let number = vector.number {
            let certificate = try Certificate(text: vector.pem)
            #expect(certificate.number == number)
            #expect(certificate.issuer == vector.issuer)
            #expect(certificate.serial == vector.serial)
            #expect(certificate.signatureOID == vector.signatureOID)
        }
        if let number = vector.rootNumber {
            let bundle = try RootBundle(text: vector.pem)
            #expect(bundle.number == number)
            #expect(bundle.unreadable == 0)
            if let each = vector.each {
                #expect(bundle.certificates.map { [$0.signatureOID, $0.number] } == each)
            }
        }
        if let number = vector.firstNumber {
            #expect(try CertificateChain(text: vector.pem).leaf.number == number)
        }
    }

    @Test func `a certificate delivered with its issuer leads to the roots, in the form of the download too`() throws {
        let vector = try CertificateCase.named("C9")
        let anchor = try #require(vector.validAgainst)
        let roots = try RootBundle(text: CertificateCase.named(anchor).pem)
        let now: Int64 = 1_773_774_470
        try roots.verify(CertificateChain(text: vector.pem), at: now)
        let form = try #require(vector.downloaded)
        let text = try #require(Base64.decode(form))
        let downloaded = try CertificateChain(text: String(decoding: text, as: UTF8.self))
        #expect(downloaded.issuers.count == 1)
        try roots.verify(downloaded, at: now)
        // Without its issuer it stops short of the root.
        let error = #expect(throws: CertificateError.self) {
            try roots.verify(CertificateChain(text: CertificateCase.named("C2").pem), at: now)
        }
        #expect(error?.code == .unknownRoot)
    }
}
