import Foundation
import Testing
import Wire

@testable import Alipay

@Suite struct EnvelopeVectorTests {
    @Test func `all twenty-one answers are there`() throws {
        let count = try GatewayVectors.responses.get().count
        print("responses.json: \(count) cases")
        #expect(count == 21)
    }

    @Test(arguments: try GatewayVectors.responses.get())
    func `an answer is accepted or refused as the vector says`(vector: ResponseCase) throws {
        switch vector.expect {
        case "valid":
            let envelope = try vector.open()
            #expect(envelope.verified && envelope.isSuccess)
            try expectSignedBytes(of: envelope, vector)
        case "valid:business-error", "valid:gateway-error":
            let envelope = try vector.open()
            #expect(envelope.verified && !envelope.isSuccess)
            try expectSignedBytes(of: envelope, vector)
            expectCodes(of: envelope, vector)
        case "unsigned-error":
            let envelope = try vector.open()
            #expect(!envelope.verified && !envelope.isSuccess && envelope.keyFingerprint == nil)
            expectCodes(of: envelope, vector)
        case let expect where expect.hasPrefix("reject:"):
            let cause = String(expect.dropFirst("reject:".count)).replacingOccurrences(of: "-", with: "_")
            let error = #expect(throws: EnvelopeError.self) { try vector.open() }
            #expect(error?.cause.rawValue == cause)
        default:
            Issue.record("the vector \(vector.id) expects \(vector.expect), which no rule here knows")
        }
    }

    @Test(arguments: try GatewayVectors.responses.get().filter { $0.expect == "valid" })
    func `a valid answer reads as its fields say`(vector: ResponseCase) throws {
        let envelope = try vector.open()
        #expect(envelope.certificateNumber == vector.certificateNumber)
        if let plaintext = vector.plaintext {
            #expect(.object(envelope.node) == (try JSONScanner.value(of: Array(plaintext.utf8))))
        }
        if let agreement = vector.expectedFields?.agreementID {
            #expect(envelope.node["agreement_id"]?.text == agreement)
        }
        guard vector.method == PayResultQuery.method else { return }
        let result = try PayResult(node: envelope.node)
        #expect(result.tradeNo == "2017070321001004170201038448" && result.tradeStatus == .success)
        #expect(result.bizEntity.communityID == "C100000000001")
        #expect(result.paidAt == ShanghaiTime.parse("2014-11-27 15:45:57"))
        #expect(result.flags.contains(.statusMisspelt) == (vector.id == "R01"))
        if let total = vector.expectedFields?.totalAmount { #expect(result.totalAmount.yuan == total) }
        if let funds = vector.expectedFields?.funds { #expect(result.funds.count == funds) }
        if let bills = vector.expectedFields?.bills { #expect(result.bills.count == bills) }
    }

    @Test func `Chinese comes out the same from UTF-8, from escapes and from GBK`() throws {
        let bill = { (id: String) in try PayResult(node: GatewayVectors.response(id).open().node).bills.first }
        #expect(try bill("R01")?.costType == "物业费" && bill("R01")?.period == "2017年7月")
        #expect(try bill("R02")?.costType == "物业费")
        #expect(try bill("R16") == bill("R01"))
    }

    @Test func `an unsigned GBK failure is readable when UTF-8 was asked for`() throws {
        let envelope = try GatewayVectors.response("R17").open()
        #expect(envelope.readAsGBK && envelope.subMessage == "系统繁忙")
    }

    private func expectSignedBytes(of envelope: Envelope, _ vector: ResponseCase) throws {
        #expect(Digest.hex(Digest.sha256(envelope.signedContent)) == vector.signedContentSHA256)
        let key = try #require(VectorKeys.shared.get()[vector.verifyKey]).publicKey
        #expect(envelope.keyFingerprint == key.fingerprint)
    }

    private func expectCodes(of envelope: Envelope, _ vector: ResponseCase) {
        #expect(envelope.code != nil && envelope.code != "10000")
        if let code = vector.expectedFields?.code { #expect(envelope.code == code) }
        if let subCode = vector.expectedFields?.subCode { #expect(envelope.subCode == subCode) }
    }
}
