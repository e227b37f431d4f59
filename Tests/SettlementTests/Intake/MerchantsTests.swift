import Settlement
import Testing

/// Whose token asks, in the order of the decision: seller, community, the source's merchant, the app's only one.
@Suite struct MerchantsTests {
    private static let app = "app"
    private static let a = Merchant(sellerID: "A", appID: app, communities: ["CA"], token: "a")
    private static let b = Merchant(sellerID: "B", appID: app, communities: ["CB"], token: "b")
    private static let elsewhere = Merchant(sellerID: "Z", appID: "other", communities: ["CZ"], token: "z")

    struct Case: Sendable {
        let merchants: [Merchant]
        var seller: String?
        var community: String?
        var source: String?
        let expected: Merchants.Resolution
    }

    static let cases: [Case] = [
        Case(merchants: [a, b], seller: "A", community: "CB", source: "B", expected: .merchant(a)),
        Case(merchants: [a, b], seller: "X", community: "CB", source: "B", expected: .foreign),
        Case(merchants: [a], seller: "X", expected: .foreign),
        Case(merchants: [a, elsewhere], seller: "Z", expected: .foreign),
        Case(merchants: [a, b], community: "CB", source: "A", expected: .merchant(b)),
        Case(merchants: [a, b], community: "CX", source: "A", expected: .merchant(a)),
        Case(merchants: [a, b], source: "B", expected: .merchant(b)),
        Case(merchants: [a, b], source: "X", expected: .unknown),
        Case(merchants: [a, b], community: "CZ", expected: .unknown),
        Case(merchants: [a, b], expected: .unknown),
        Case(merchants: [a, elsewhere], expected: .merchant(a)),
        Case(merchants: [a], community: "CX", source: "X", expected: .merchant(a)),
        Case(merchants: [elsewhere], seller: "A", community: "CA", source: "A", expected: .app),
        Case(merchants: [], seller: "A", expected: .app),
    ]

    @Test(arguments: cases)
    func `each step decides only when those before it were silent`(_ step: Case) {
        let resolution = Merchants(step.merchants).resolve(
            appID: Self.app, sellerID: step.seller, communityID: step.community, sourceMerchant: step.source)
        #expect(resolution == step.expected)
    }

    @Test func `a merchant is found again by app and seller`() {
        let merchants = Merchants([Self.a, Self.elsewhere])
        #expect(merchants.merchant(appID: Self.app, sellerID: "A") == Self.a)
        #expect(merchants.merchant(appID: Self.app, sellerID: "Z") == nil)
    }
}
