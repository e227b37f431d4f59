import ArgumentParser
import Postgres
import Settlement
import Taobao

extension WithholdingCommand {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add orders to those that are asked about.",
            discussion: """
                One with --biz-order-id and --pay-biz-code, or many with --file: CSV with the header \
                biz_order_id,pay_biz_code, or one JSON object a line with these members. Adding an order again changes nothing. \
                A file with a mistake is refused as a whole, with every mistake's line.
                """)

        @Option(name: .long, help: "The order, as the platform knows it.")
        var bizOrderID: String?
        @Option(name: .long, help: "The business; R1 is recycling (回收).")
        var payBizCode: String?
        @Option(name: .long, help: ArgumentHelp("Orders in a file.", valueName: "file"), completion: .file())
        var file: String?
        @Flag(name: .long, help: "Only say what would happen.")
        var dryRun = false
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (file == nil) == (bizOrderID != nil), (bizOrderID == nil) == (payBizCode == nil) else {
                throw ValidationError("name --biz-order-id and --pay-biz-code, or --file")
            }
            if let bizOrderID, let payBizCode {
                do throws(InvalidOrder) {
                    _ = try WithholdingOrder(bizOrderID: bizOrderID, payBizCode: payBizCode)
                } catch {
                    throw ValidationError(error.description)
                }
            }
        }

        func run() async throws {
            let settings = try configuration.load().settings
            guard settings.withholding != nil else {
                throw CommandFailure(
                    "withholding is not configured, so nobody would ask about an order: add `taobao` and `withholding`",
                    .configuration)
            }
            let orders = try orders()
            let entries = try await DatabaseVisit.run(settings.database) { [dryRun] pool in
                try await WithholdingRegister(pool: pool).add(orders, by: Operator.name(), isRehearsal: dryRun)
            }
            print(entries)
        }

        private func orders() throws -> [WithholdingOrder] {
            if let bizOrderID, let payBizCode {
                return [try WithholdingOrder(bizOrderID: bizOrderID, payBizCode: payBizCode)]
            }
            let file = file ?? ""
            let text: String
            do throws(SettingsFile.Unreadable) {
                text = try SettingsFile.text(file, largest: OrderFile.mostBytes)
            } catch {
                throw CommandFailure("\(file) \(error.reason)", .usage)
            }
            do throws(OrderFile.Unreadable) {
                return try OrderFile.orders(in: text)
            } catch {
                for problem in error.problems { StandardError.line("\(file): \(problem)") }
                throw CommandFailure("\(file) has mistakes; nothing was added", .failure)
            }
        }

        private func print(_ entries: [WithholdingRegister.Entry]) {
            if output.json {
                StandardOutput.write(entries.map(Self.line).joined())
            } else if entries.count == 1, let entry = entries.first {
                StandardOutput.line(
                    "\(entry.result.rawValue) \(entry.order)" + (entry.jobID.map { " job \($0)" } ?? ""))
            }
            let counts = WithholdingRegister.Entry.Result.allCases.map { result in
                "\(entries.count { $0.result == result }) \(result.rawValue)"
            }
            output.note((dryRun ? "would be: " : "") + counts.joined(separator: ", "))
        }

        private static func line(_ entry: WithholdingRegister.Entry) -> String {
            var line = JSONLine()
            line.add("biz_order_id", entry.order.bizOrderID)
            line.add("pay_biz_code", entry.order.payBizCode)
            line.add("result", entry.result.rawValue)
            line.add("job_id", entry.jobID)
            return line.line
        }
    }
}
