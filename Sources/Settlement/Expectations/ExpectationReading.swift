import Wire

/// What an expectation is written down with, the same in a file's columns, a request's members and a command's options.
public enum ExpectationField: String, Sendable, Hashable, CaseIterable {
    case tradeNo = "trade_no"
    case queryToken = "query_token"
    case appID = "app_id"
    case sellerID = "seller_id"
    case afterSeconds = "after_seconds"
    case billEntryID = "bill_entry_id"
    case communityID = "community_id"
    case due
    case amount
}

/// Why something cannot be expected: which field is wrong, and what is expected there.
public struct InvalidExpectation: Error, Sendable, Hashable, CustomStringConvertible {
    public let field: ExpectationField
    public let reason: String
    public var description: String { "\(field.rawValue): \(reason)" }

    public init(_ field: ExpectationField, _ reason: String) {
        self.field = field
        self.reason = reason
    }
}

/// What is known here of the apps and their merchants, to complete what somebody expects and to refuse what could never be
/// asked about.
public struct ExpectationTerms: Sendable {
    /// The merchant of each app's source, by app id; nil for an app whose source names none.
    public var apps: [String: String?]
    public var merchants: Merchants
    /// How long a notification may take when nobody says otherwise.
    public var grace: Duration

    public init(apps: [String: String?], merchants: Merchants, grace: Duration) {
        self.apps = apps
        self.merchants = merchants
        self.grace = grace
    }

    public init(_ credentials: Credentials, grace: Duration) {
        self.init(
            apps: Dictionary(
                credentials.gateways.keys.map { ($0, credentials.source(of: $0)?.merchant) },
                uniquingKeysWith: { first, _ in first }),
            merchants: credentials.merchants, grace: grace)
    }
}

extension Credentials {
    /// The source whose policies hold for a payment of the app that no notification announced: the first by name.
    func source(of appID: String) -> Source? {
        sources.values.filter { $0.appID == appID }.min { $0.name < $1.name }
    }
}

extension Expected {
    /// The longest wait for a notification, in seconds.
    static let longestWait: Int64 = 365 * 86_400

    /// Reads an expectation from its fields; a field without a value is not there.
    ///
    /// - Throws: the first thing that is wrong.
    public init(_ fields: [ExpectationField: String], _ terms: ExpectationTerms) throws(InvalidExpectation) {
        let subjects: [ExpectationField] = [.tradeNo, .queryToken, .billEntryID]
        let given = subjects.filter { fields[$0] != nil }
        guard given.count == 1, let subject = given.first else {
            throw InvalidExpectation(
                given.last ?? .tradeNo, "exactly one of trade_no, query_token and bill_entry_id is expected")
        }
        if subject == .billEntryID {
            try Self.refuse([.appID, .sellerID, .afterSeconds], in: fields, "belongs to a payment, not to a bill")
            self = .bill(try Self.bill(fields))
        } else {
            try Self.refuse([.communityID, .due, .amount], in: fields, "belongs to a bill, not to a payment")
            self = .payment(try Self.payment(subject, fields, terms))
        }
    }

    private static func refuse(
        _ strangers: [ExpectationField], in fields: [ExpectationField: String], _ reason: String
    ) throws(InvalidExpectation) {
        if let stranger = strangers.first(where: { fields[$0] != nil }) {
            throw InvalidExpectation(stranger, reason)
        }
    }

    // MARK: Payments

    private static func payment(
        _ subject: ExpectationField, _ fields: [ExpectationField: String], _ terms: ExpectationTerms
    ) throws(InvalidExpectation) -> Payment {
        let text = try printable(subject, fields, most: longestSubject, blanks: false)
        let appID = try app(fields[.appID], terms)
        if let seller = fields[.sellerID], !isNumber(seller) {
            throw InvalidExpectation(.sellerID, "1 to 32 digits are expected")
        }
        try refuseWithoutMerchant(appID, fields[.sellerID], terms)
        return Payment(
            subject == .tradeNo ? .tradeNo(text) : .queryToken(text), appID: appID, sellerID: fields[.sellerID],
            wait: try wait(fields[.afterSeconds]) ?? terms.grace)
    }

    private static func app(_ text: String?, _ terms: ExpectationTerms) throws(InvalidExpectation) -> String {
        guard let text else {
            guard terms.apps.count == 1, let only = terms.apps.keys.first else {
                throw InvalidExpectation(
                    .appID, "needed, since \(terms.apps.isEmpty ? "no app is" : "several apps are") configured")
            }
            return only
        }
        guard isNumber(text), terms.apps.keys.contains(text) else {
            throw InvalidExpectation(.appID, "no such app is configured")
        }
        return text
    }

    /// Nobody's token is tried in the hope that it fits, so it must be known now whose payment it is.
    private static func refuseWithoutMerchant(
        _ appID: String, _ sellerID: String?, _ terms: ExpectationTerms
    ) throws(InvalidExpectation) {
        switch terms.merchants.resolve(
            appID: appID, sellerID: sellerID, communityID: nil, sourceMerchant: terms.apps[appID] ?? nil)
        {
        case .merchant, .app: break
        case .foreign: throw InvalidExpectation(.sellerID, "no configured merchant of app \(appID)")
        case .unknown: throw InvalidExpectation(.sellerID, "needed, since app \(appID) has several merchants")
        }
    }

    private static func wait(_ text: String?) throws(InvalidExpectation) -> Duration? {
        guard let text else { return nil }
        guard text.utf8.count <= 9, text.utf8.allSatisfy(isDigit), let seconds = Int64(text), seconds <= longestWait
        else { throw InvalidExpectation(.afterSeconds, "a whole number from 0 to \(longestWait) is expected") }
        return .seconds(seconds)
    }

    // MARK: Bills

    private static func bill(_ fields: [ExpectationField: String]) throws(InvalidExpectation) -> Bill {
        let entryID = try printable(.billEntryID, fields, most: 128, blanks: true)
        guard fields[.communityID] != nil else {
            throw InvalidExpectation(.communityID, "needed, since a bill's id is unique within its community only")
        }
        let communityID = try printable(.communityID, fields, most: 128, blanks: true)
        guard let due = fields[.due].flatMap(DueDate.init) else {
            throw InvalidExpectation(.due, "a date is expected, such as 2026-12-31")
        }
        var amount: Amount?
        if let text = fields[.amount] {
            guard let read = Amount(yuan: text), read.fen > 0 else {
                throw InvalidExpectation(.amount, "an amount in yuan is expected, such as 10.21")
            }
            amount = read
        }
        return Bill(entryID: entryID, communityID: communityID, due: due, amount: amount)
    }

    // MARK: Texts

    private static func printable(
        _ field: ExpectationField, _ fields: [ExpectationField: String], most: Int, blanks: Bool
    ) throws(InvalidExpectation) -> String {
        let text = fields[field] ?? ""
        guard (1...most).contains(text.utf8.count) else {
            throw InvalidExpectation(field, "1 to \(most) bytes are expected")
        }
        let isBad = text.unicodeScalars.contains { scalar in
            scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || !blanks && scalar.properties.isWhitespace
        }
        guard !isBad else {
            throw InvalidExpectation(field, blanks ? "control characters are not accepted" : "blanks are not accepted")
        }
        return text
    }

    private static func isNumber(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count) && text.utf8.allSatisfy(isDigit)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
