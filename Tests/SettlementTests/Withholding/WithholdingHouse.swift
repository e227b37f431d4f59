import JobQueue
import Postgres
import Synchronization
import Taobao
import Telemetry
import TestSupport
import Wire

@testable import Settlement

/// A gateway of TOP that answers what a test tells it to, and keeps what it was asked.
final class TOPGateway: GatewayTransport {
    private struct State {
        var answers: [String]
        var asked = 0
    }
    private let state: Mutex<State>

    /// - Parameter answers: one after the other; the last one again and again.
    init(_ answers: String...) { state = Mutex(State(answers: answers)) }

    var asked: Int { state.withLock { $0.asked } }

    func post(url: String, contentType: String, body: [UInt8], deadline: Duration) async throws(TransportError)
        -> TransportAnswer
    {
        let answer = state.withLock { state in
            defer { state.asked += 1 }
            return state.answers.indices.contains(state.asked) ? state.answers[state.asked] : state.answers.last ?? ""
        }
        return TransportAnswer(status: 200, body: Array(answer.utf8))
    }
}

/// Orders, answers and rows for the tests of withholding.
enum WithholdingHouse {
    static let appKey = "12345678"

    static func order(_ id: String = "1") throws -> WithholdingOrder {
        try WithholdingOrder(bizOrderID: id, payBizCode: "R1")
    }

    /// An answer about order `id`, details as (plan, status, amount).
    static func answer(
        _ status: String, total: String, _ details: [(Int, String, String)] = [], id: String = "1"
    ) -> String {
        let list = details.map { plan, status, amount in
            #"{"plan_id":"R1_\#(id)_\#(plan)","pay_status":"\#(status)","amount":"\#(amount)","#
                + #""alipay_trade_no":"2020\#(id)\#(plan)","pay_time":"2020-01-10 10:00:00"}"#
        }
        return #"{"result":{"success":true,"module":{"biz_order_id":"\#(id)","pay_biz_code":"R1","#
            + #""pay_status":"\#(status)","total_amount":"\#(total)","pay_details":[\#(list.joined(separator: ","))]}},"#
            + #""request_id":"r\#(id)"}"#
    }

    static func error(code: Int, sub: String, _ message: String = "") -> String {
        #"{"error_response":{"code":\#(code),"msg":"m","sub_code":"\#(sub)","sub_msg":"\#(message)","request_id":"x"}}"#
    }

    static func handler(
        _ gateway: TOPGateway, pool: Pool? = nil, policy: WithholdingPolicy = WithholdingVerdictTests.policy
    ) throws -> WithholdingHandler {
        let app = TaobaoApp(
            gateway: try GatewayAddress("https://eco.taobao.com/router/rest"), appKey: appKey, secret: "helloworld")
        let metrics = Metrics()
        return WithholdingHandler(
            client: TaobaoClient(app: app, transport: gateway), door: GatewayDoor(name: "top:\(appKey)"),
            policy: policy,
            bans: BanBook(appKey: appKey, pool: pool, lane: FeedReader.lane, lookEvery: .zero), metrics: metrics,
            polls: WithholdingMetrics(registry: metrics.registry))
    }

    static func lease(_ order: WithholdingOrder, jobID: Int64 = 1, age: Duration = .zero) -> Lease {
        Lease(
            jobID: jobID, epoch: 1, queue: WithholdingJob.queue, kind: WithholdingJob.kind,
            args: WithholdingJob.args(of: order), firstAttemptAt: Timestamp.now() - age)
    }

    /// Asks once about `order` and writes what came of it, as the runner would.
    static func poll(
        _ order: WithholdingOrder, with handler: WithholdingHandler, _ pool: Pool, jobID: Int64 = 1
    ) async throws -> String {
        let lease = lease(order, jobID: jobID)
        let output = await handler.perform(lease)
        let dispositions = try await pool.transaction("work") { tx in
            try handler.record([(lease, output)], in: tx)
        }
        return dispositions.map(WithholdingVerdictTests.word).joined()
    }
}
