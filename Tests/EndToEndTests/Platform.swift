import Alipay
import Foundation
import Sandbox
import SystemPackage
import Testing
import Wire

/// The platform's side, played by a Python SDK: Tests/RoundTrips/sdk_platform.py in an environment that was made for it.
struct Platform: Sendable {
    /// Where the environments are; nil leaves the round trips out.
    static var environments: String? { ProcessInfo.processInfo.environment["SETTLED_ROUNDTRIPS"] }

    let sdk: String
    private let python: String
    private let script: String
    private let scene: String
    private let folder: String
    /// What each trade comes to, in yuan, by its number.
    let totals: [String: String]

    var tradeNos: [String] { Array(totals.keys) }

    init(_ sdk: String, on stage: RealStage) throws {
        let environments = try #require(Self.environments)
        self.sdk = sdk
        python = environments + "/\(sdk)/bin/python"
        script =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("RoundTrips/sdk_platform.py").path
        folder = stage.folder
        scene = folder + "/scene-\(sdk).json"
        let trades = stage.scenario.trades.map(\.trade).filter { $0.status == .success }
        totals = Dictionary(uniqueKeysWithValues: trades.map { ($0.tradeNo, Amount(fen: $0.totalFen).yuan) })

        let files = SandboxKeys.Files(in: FilePath(folder))
        let appPublic = folder + "/app-public-\(sdk).pem"
        try stage.keys.app.publicKey.pem.write(toFile: appPublic, atomically: true, encoding: .utf8)
        let text = try JSONSerialization.data(withJSONObject: [
            "app_id": stage.scenario.settings.appID, "alipay_private_key": files.alipayPrivateKey.string,
            "alipay_public_key": files.alipayPublicKey.string, "app_private_key": files.appPrivateKey.string,
            "app_public_key": appPublic, "trades": trades.map(Self.node), "agreements": Self.agreements,
            "orders": Self.orders, "top_secret": Self.topSecret,
        ])
        try text.write(to: URL(fileURLWithPath: scene))
    }

    /// What the platform knows of withholding agreements: one that is as ours, and one that is not.
    static let agreements = [1, 2].map { n in
        [
            "agreement_id": "2016033100070013000\(n)", "user_id": "208800000000000\(n)", "charge_inst": "HZYHWATER",
            "bill_key": "0398312\(n)", "out_agreement_id": "OUT\(n)", "sign_date": "2016-02-03 18:00:00",
        ]
    }
    static let topSecret = "helloworld"
    /// An order that is paid, in two instalments.
    static var orders: [[String: Any]] {
        [
            [
                "biz_order_id": "12838882", "pay_biz_code": "R1", "pay_status": "SUCCESSED", "pay_status_desc": "支付成功",
                "total_amount": "120",
                "pay_details": [("1", "50"), ("2", "70")].map { plan, amount in
                    [
                        "plan_id": "R1_12838882_\(plan)", "pay_status": "SUCCESSED", "amount": amount,
                        "alipay_trade_no": "2020102399321\(plan)", "pay_time": "2020-01-10 10:00:00",
                    ]
                },
            ]
        ]
    }

    /// The answer's members, as the page of the API has them.
    private static func node(_ trade: Trade) -> [String: Any] {
        [
            "trade_no": trade.tradeNo, "trade_status": trade.status.rawValue, "seller_id": trade.sellerID,
            "buyer_user_id": trade.buyerUserID, "buyer_logon_id": trade.buyerLogonID,
            "total_amount": Amount(fen: trade.totalFen).yuan, "biz_entity_id": trade.bizEntityID,
            "biz_type": trade.bizType, "gmt_payment": ShanghaiTime.format(unixSeconds: trade.paidAt),
            "fund_bill_list": trade.funds.map {
                ["amount": Amount(fen: $0.fen).yuan, "fund_channel": $0.channel]
            },
            "assoc_bill_details": trade.bills.map {
                [
                    "acct_period": $0.period, "bill_entry_amount": Amount(fen: $0.fen).yuan, "bill_entry_id": $0.id,
                    "cost_type": $0.costType,
                ]
            },
        ]
    }

    // MARK: Roles

    /// A gateway that runs.
    struct Gateway: Sendable {
        let port: Int
        fileprivate let journal: String

        /// What it noted of each call.
        var calls: [[String: Any]] {
            let text = (try? String(contentsOfFile: journal, encoding: .utf8)) ?? ""
            return Platform.objects(text).filter { $0["api"] != nil }
        }
    }

    /// Does work while the SDK plays the gateway.
    func serving<T>(_ work: (Gateway) async throws -> T) async throws -> T {
        let journal = folder + "/journal-\(sdk).jsonl"
        let child = try run(["serve", "--journal", journal])
        let result: Result<T, any Error>
        do {
            let port = try await eventually("the SDK's gateway to listen") { () -> Int? in
                guard !child.hasEnded else { throw RealProgram.Failure(description: child.output) }
                let text = (try? String(contentsOfFile: journal, encoding: .utf8)) ?? ""
                return Self.objects(text).first?["port"] as? Int
            }
            result = .success(try await work(Gateway(port: port, journal: journal)))
        } catch {
            result = .failure(error)
        }
        // It has nothing to tidy up.
        await child.reap()
        return try result.get()
    }

    /// Posts a notification of each trade; one object for each, with what the SDK thinks of the acknowledgement.
    func notify(_ url: String) async throws -> [[String: Any]] {
        Self.objects(try await output(of: ["notify", "--url", url]))
    }

    /// Has the SDK's own client call a gateway; the answer that it verified.
    func ask(
        _ gateway: String, _ method: String, _ content: [String: String], token: String? = nil
    ) async throws -> [String: Any] {
        let text = String(decoding: try JSONSerialization.data(withJSONObject: content), as: UTF8.self)
        let answer = try await output(
            of: ["ask", "--url", gateway, "--method", method, "--content", text]
                + (token.map { ["--token", $0] } ?? []))
        return try #require(Self.objects(answer).last)
    }

    private func output(of arguments: [String]) async throws -> String {
        let child = try run(arguments)
        let end = await child.waitForEnd()
        guard end == .exit(0) else { throw RealProgram.Failure(description: "\(end): \(child.output)") }
        return child.output
    }

    private func run(_ arguments: [String]) throws -> RealProgram {
        // The SDKs stamp their calls with the local time, and mean China's.
        try RealProgram(
            [script] + arguments + ["--sdk", sdk, "--scene", scene], folder: folder,
            environment: ["TZ": "Asia/Shanghai", "PYTHONDONTWRITEBYTECODE": "1"], executable: python)
    }

    private static func objects(_ text: String) -> [[String: Any]] {
        text.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }
}
