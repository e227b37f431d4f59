import Alipay
import JobQueue
import Postgres
import Synchronization
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Settlement

/// The two halves of the job: asking, and writing what many answers mean in one transaction.
@Suite(.timeLimit(.minutes(5))) struct PayResultHandlerTests {
    /// A gateway that keeps what it was asked and answers every trade as paid, signed.
    private final class Gateway: GatewayTransport {
        private let bodies = Mutex<[String]>([])
        var asked: [String] { bodies.withLock { $0 } }

        func post(url: String, contentType: String, body: [UInt8], deadline: Duration) async throws(TransportError)
            -> TransportAnswer
        {
            bodies.withLock { $0.append(String(decoding: body, as: UTF8.self)) }
            let node =
                #"{"code":"10000","msg":"Success","trade_no":"T1","seller_id":"\#(TestHouse.sellerID)","#
                + #""trade_status":"TRADE_SUCCESS","total_amount":"20.50","biz_entity_id":"R1|C1|1-101","#
                + #""assoc_bill_details":[{"bill_entry_id":"B1","bill_entry_amount":"20.50"}]}"#
            guard let sign = try? TestKeys.alipay.get().sign(Array(node.utf8), with: .rsa2) else {
                throw TransportError(.other, "no key")
            }
            let text = #"{"alipay_eco_cplife_pay_result_query_response":\#(node),"sign":"\#(Base64.encode(sign))"}"#
            return TransportAnswer(status: 200, body: Array(text.utf8))
        }
    }

    private static func handler(_ gateway: Gateway, merchants: Merchants = TestHouse.merchants) throws
        -> PayResultHandler
    {
        let app = GatewayApp(
            appID: TestHouse.appID, gateway: try GatewayAddress("https://gateway.invalid/gateway.do"),
            privateKey: try TestKeys.app.get(), alipayKeys: [try TestKeys.alipay.get().publicKey])
        return PayResultHandler(
            keyring: Keyring(
                Credentials(
                    gateways: [TestHouse.appID: GatewayClient(app: app, transport: gateway)], merchants: merchants,
                    sources: [try TestHouse.source()])),
            metrics: Metrics())
    }

    private static func lease(_ args: String, id: Int64 = 1) -> Lease {
        Lease(jobID: id, epoch: 1, queue: PayResultJob.queue, kind: PayResultJob.kind, args: args)
    }

    @Test func `the merchant's token asks, by trade number, and the proof is kept`() async throws {
        let gateway = Gateway()
        let output = try await Self.handler(gateway).perform(Self.lease(TestAnswers.job().args))
        let asked = gateway.asked
        #expect(asked.count == 1)
        #expect(
            asked[0].contains("app_auth_token=token%20of%200002") || asked[0].contains("app_auth_token=token+of+0002"))
        guard case .settle(let draft) = output.confirmation else {
            Issue.record("\(output.confirmation)")
            return
        }
        #expect(draft.result.totalAmount.fen == 2050)
        #expect(output.log?.verdict == "TRADE_SUCCESS")
        #expect(draft.evidence.keyFingerprint == (try TestKeys.alipay.get().publicKey.fingerprint))
    }

    @Test func `without merchants the app asks for itself`() async throws {
        let gateway = Gateway()
        _ = try await Self.handler(gateway, merchants: Merchants([])).perform(Self.lease(TestAnswers.job().args))
        #expect(gateway.asked.map { $0.contains("app_auth_token") } == [false])
    }

    static let unasked: [(args: String, cause: String)] = [
        ("{}", "bad_args"), ("[1]", "bad_args"),
        (PayResultJob(source: "s", appID: "other", tradeNo: "T").args, "unknown_app"),
        (PayResultJob(source: "s", appID: TestHouse.appID).args, "no_subject"),
        (PayResultJob(source: "s", appID: TestHouse.appID, tradeNo: "T", sellerID: "X").args, "foreign_receiver"),
        (PayResultJob(source: "s", appID: TestHouse.appID, tradeNo: "T").args, "merchant_unknown"),
    ]

    @Test(arguments: unasked)
    func `what cannot be asked with a token of ours is not asked at all`(args: String, cause: String) async throws {
        let gateway = Gateway()
        let second = Merchant(sellerID: "2088000000000003", appID: TestHouse.appID)
        let handler = try Self.handler(gateway, merchants: Merchants([TestHouse.merchant, second]))
        let output = await handler.perform(Self.lease(args))
        guard case .finish(.quarantine(let failure)) = output.confirmation else {
            Issue.record("\(output.confirmation)")
            return
        }
        #expect(failure.cause == cause)
        #expect(gateway.asked.isEmpty)
    }

    // MARK: Writing

    private static func output(
        _ confirmation: Settlement.Confirmation, job: PayResultJob = TestAnswers.job(), jobID: Int64
    ) -> PayResultHandler.Output {
        PayResultHandler.Output(
            job: job, confirmation: confirmation,
            log: GatewayLogEntry(
                jobID: jobID, method: "m", verdict: "v\(jobID)", code: "10000", subCode: nil, signed: true, answer: [1])
        )
    }

    @Test(.database) func `mixed answers are written together, and each job gets its own word`() async throws {
        let handler = try Self.handler(Gateway())
        let failure = JobFailure(cause: "timeout", message: "m")
        let confirmations: [Settlement.Confirmation] = [
            .settle(TestAnswers.draft(TestAnswers.result("A"))),
            .finish(.retry(failure, after: .seconds(1))),
            .settle(TestAnswers.draft(TestAnswers.result("A"))),
            .settle(TestAnswers.draft(TestAnswers.result("A", fen: 1))),
            .closed(TestAnswers.closed("B")),
            .closed(TestAnswers.closed("A")),
            .closed(TestAnswers.closed("A")),
            .finish(.quarantine(failure)),
            .settle(TestAnswers.draft(TestAnswers.result("C"))),
        ]
        let dispositions = try await TestHouse.withPool { pool in
            try await pool.transaction("work") { tx in
                try handler.record(
                    confirmations.enumerated().map { index, confirmation in
                        let id = Int64(index + 1)
                        // Jobs 1 and 8 mention a refund; only what was proved as paid makes it a finding.
                        let job = TestAnswers.job(refundFen: [1, 8].contains(id) ? 5 : nil)
                        return (Self.lease(job.args, id: id), Self.output(confirmation, job: job, jobID: id))
                    }, in: tx)
            }
        }
        let words = dispositions.map { disposition in
            switch disposition {
            case .done(let outcome, _): outcome
            case .quarantine(let failure): "quarantine \(failure.cause)"
            case .retry(let failure, _, _): "retry \(failure.cause)"
            default: "other"
            }
        }
        #expect(
            words == [
                "settled", "retry timeout", "already_settled", "quarantine settlement_conflict", "nothing_due",
                "settled",
                "already_settled", "quarantine timeout", "settled",
            ])
        let database = try TestDatabase.current
        #expect(
            try await database.text(
                "SELECT string_agg(kind || job_id, ' ' ORDER BY job_id) FROM settled.settlements")
                == "payment1 reversal6 payment9")
        // The answers that proved something are evidence, all others are in the log.
        #expect(
            try await database.text("SELECT string_agg(verdict, ' ' ORDER BY job_id) FROM settled.gateway_log")
                == "v2 v3 v4 v5 v7 v8")
        #expect(
            try await database.text("SELECT string_agg(job_id::text, ' ' ORDER BY job_id) FROM settled.evidence")
                == "1 6 9")
        #expect(
            try await database.text(
                "SELECT string_agg(concat_ws(' ', kind, job_id, subject, detail ->> 'refund_fen'), ',') FROM settled.findings"
            )
                == "refund_unconfirmed 1 T1 5")
    }

    @Test(.database) func `an answer older than the closure is asked for again`() async throws {
        let handler = try Self.handler(Gateway())
        let dispositions = try await TestHouse.withPool { pool in
            _ = try await LedgerTests.close(TestAnswers.closed("A"), pool)
            return try await pool.transaction("work") { tx in
                try handler.record(
                    [
                        (
                            Self.lease("{}"),
                            Self.output(.settle(TestAnswers.draft(TestAnswers.result("A"))), jobID: 1)
                        )
                    ], in: tx)
            }
        }
        guard case .retry(let failure, _, _) = dispositions[0] else {
            Issue.record("\(dispositions)")
            return
        }
        #expect(failure.cause == "answer_outdated")
        #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.gateway_log") == 1)
    }

    @Test(.database) func `nothing to write is no statement`() async throws {
        let handler = try Self.handler(Gateway())
        let none = try await TestHouse.withPool { pool in
            try await pool.transaction("work") { tx in try handler.record([], in: tx) }
        }
        #expect(none.isEmpty)
    }
}
