import Wire

extension PlatformOrder {
    /// Reads an order from one line of JSON: `{"biz_order_id":"12838882","story":"paid","amounts":["50","70"]}`.
    ///
    /// Only `biz_order_id` is needed; the rest has defaults: `pay_biz_code` R1, `story` paid (see ``OrderStory``), `amounts` one
    /// instalment of 50 fen; amounts are fen.
    public init(line: String) throws(SandboxError) {
        let json: JSONValue
        do { json = try JSONValue(parsing: Array(line.utf8)) } catch {
            throw SandboxError(.badOrder, "is not a JSON object: \(error)")
        }
        guard let id = json["biz_order_id"]?.text, (1...128).contains(id.utf8.count) else {
            throw SandboxError(.badOrder, "lacks biz_order_id, of 1 to 128 bytes")
        }
        guard let story = OrderStory(rawValue: json["story"]?.text ?? OrderStory.paid.rawValue) else {
            throw SandboxError(
                .badOrder, "has a story that is none of " + OrderStory.allCases.map(\.rawValue).joined(separator: ", "))
        }
        var amounts: [Int64] = [50]
        if let list = json["amounts"] {
            guard case .array(let elements) = list, (1...100).contains(elements.count) else {
                throw SandboxError(.badOrder, "has amounts that are no list of 1 to 100")
            }
            amounts = elements.compactMap { $0.text.flatMap { Int64($0) } }.filter { (1...10_000_000_000).contains($0) }
            guard amounts.count == elements.count else {
                throw SandboxError(.badOrder, "has an amount that is no whole number of fen above zero")
            }
        }
        self.init(
            id, payBizCode: json["pay_biz_code"]?.text ?? "R1", story: story, amounts: amounts,
            paidAt: WallClock.seconds() - 60)
    }
}
