import Alipay
import Wire

@testable import Settlement

/// What the gateway said, as the confirmation gets it.
enum TestAnswers {
    static func result(
        _ tradeNo: String = "T1", fen: Int64 = 2050, status: TradeStatus = .success,
        seller: String? = TestHouse.sellerID, bills: [Int64]? = nil, funds: [Int64]? = nil
    ) -> PayResult {
        PayResult(
            tradeNo: tradeNo, buyerUserID: "2088000000000009", buyerLogonID: "138****8000", sellerID: seller,
            tradeStatus: status, totalAmount: Amount(fen: fen),
            bizEntity: PayResult.BizEntity(roomID: "R1", communityID: "C1", householdID: "1-101"), bizType: "00",
            paidAt: 1_774_000_000,
            funds: (funds ?? [fen]).map { PayResult.Fund(channel: "ALIPAYACCOUNT", amount: Amount(fen: $0)) },
            bills: (bills ?? [fen]).enumerated().map {
                PayResult.Bill(id: "B\($0 + 1)", period: "2026-03", costType: "WY", amount: Amount(fen: $1))
            })
    }

    static func evidence(receivedAt: Int64 = 1_774_000_100_000_000) -> GatewayEvidence {
        GatewayEvidence(
            method: PayResultQuery.method, rawBody: Array(#"{"signed":"answer"}"#.utf8), signature: "c2ln",
            algorithm: .rsa2, keyFingerprint: "ab12", charset: .utf8, receivedAt: receivedAt)
    }

    static func job(_ tradeNo: String? = "T1", fen: Int64? = 2050, refundFen: Int64? = nil) -> PayResultJob {
        PayResultJob(
            source: "cplife", appID: TestHouse.appID, tradeNo: tradeNo, sellerID: TestHouse.sellerID,
            communityID: "C1", totalFen: fen, refundFen: refundFen)
    }

    static func draft(_ result: PayResult, receivedAt: Int64 = 1_774_000_100_000_000) -> SettlementDraft {
        SettlementDraft(
            job: job(result.tradeNo, fen: nil), result: result, sellerID: result.sellerID ?? "",
            evidence: evidence(receivedAt: receivedAt))
    }

    static func closed(_ tradeNo: String = "T1", receivedAt: Int64 = 1_774_000_200_000_000) -> ClosedTrade {
        ClosedTrade(
            job: job(tradeNo), result: result(tradeNo, status: .closed), evidence: evidence(receivedAt: receivedAt))
    }
}
