// Parameters that were added, taken away, doubled or renamed.

extension Corruption {
    static let parameterAdded = Corruption(
        "parameter_added",
        "There is a parameter that was not signed: something added it, or a query string was merged into the body.",
        do: """
            Verify the POST body alone. Routers and frameworks merge the query string and path parameters into one map; \
            take the body's parameters only, or a notification address without a query.
            """)
    static let parameterRemoved = Corruption(
        "parameter_removed", "A parameter was signed and is not there any more.",
        do: """
            All parameters but sign are signed, unknown ones included. Do not read the message into a class that \
            drops what it does not know, and do not remove charset, sign_type or empty values.
            """)
    static let duplicateParameter = Corruption(
        "duplicate_parameter", "A name occurs twice; Alipay sends each once.",
        do: """
            A query string or a proxy repeated it. Genuine messages have no duplicates, so they are refused; take the \
            body as it was sent.
            """)
    static let valuesJoined = Corruption(
        "values_joined", "A value that came twice was joined with a comma.",
        do: "A query string repeated the parameter, and the framework joined both. Take the POST body alone.")
    static let signTypeChanged = Corruption(
        "sign_type_changed", "sign_type is not what the sender wrote: the signature is of the other algorithm.",
        do: """
            Somebody rewrote or removed sign_type on the way. It decides nothing here, but it must agree with the \
            configured algorithm, and V2 signs it.
            """)
    static let charsetChanged = Corruption(
        "charset_changed", "The parameter charset was rewritten.",
        do: "A proxy converted the message and said so. Let the message through as it is; charset is signed.")
    static let namesChanged = Corruption(
        "names_changed", "Names of parameters have other letter case, or blanks around them.",
        do: "Take names as they were sent; they are signed and sorted by their bytes.")
}

/// What is known of this installation that a lost parameter may have said.
public struct DoctorFacts: Sendable, Hashable {
    /// Values to try, by the parameter's name.
    public var values: [String: [String]]

    public init(values: [String: [String]] = [:]) { self.values = values }
}

enum ParameterCorruptions {
    static func repairs(_ facts: DoctorFacts) -> [Repair<CapturedForm>] {
        [
            Repair(.signTypeChanged) { form in changed(form, "sign_type", SignatureAlgorithm.allCases.map(\.rawValue))
            },
            Repair(.duplicateParameter) { form in duplicates(form) },
            Repair(.parameterAdded) { form in added(form) },
            Repair(.parameterRemoved) { form in removed(form, facts) },
            Repair(.charsetChanged) { form in changed(form, "charset", charsets) },
            Repair(.valuesJoined) { form in form.changing { half($0.value) } },
            Repair(.namesChanged) { form in renamed(form) },
        ]
    }

    static let charsets = ["utf-8", "UTF-8", "GBK", "gbk", "gb2312", "GB2312", "gb18030", "GB18030", "utf8"]

    /// Pairs of parameters are left out together while they are so few.
    private static let mostForPairs = 48

    private static func added(_ form: CapturedForm) -> [Variant<CapturedForm>] {
        let indices = form.parameters.indices
        let strangers = indices.filter {
            !KnownParameter.names.contains(String(decoding: form.parameters[$0].name, as: UTF8.self))
        }
        var variants: [Variant<CapturedForm>] = []
        if !strangers.isEmpty { variants.append(without(Set(strangers), form, isBroad: true)) }
        variants += indices.map { without([$0], form, isBroad: false) }
        guard form.parameters.count <= mostForPairs else { return variants }
        for first in indices {
            for second in indices where second > first {
                variants.append(without([first, second], form, isBroad: false))
            }
        }
        return variants
    }

    private static func without(
        _ indices: Set<Int>, _ form: CapturedForm, isBroad: Bool
    ) -> Variant<CapturedForm> {
        Variant(form.without(indices), places: indices.sorted().map { form.parameters[$0].place }, isBroad: isBroad)
    }

    private static func removed(_ form: CapturedForm, _ facts: DoctorFacts) -> [Variant<CapturedForm>] {
        var guesses: [(String, [String])] = [
            ("sign_type", SignatureAlgorithm.allCases.map(\.rawValue)), ("charset", charsets),
            ("service", ["alipay.industry.car.appid.invoke"]), ("version", ["1.0"]),
            ("notify_type", ["trade_status_sync"]), ("refund_fee", ["0", "0.00"]), ("point_amount", ["0.00"]),
        ]
        guesses += facts.values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        guesses += KnownParameter.names.sorted().map { ($0, [""]) }
        return guesses.flatMap { name, values -> [Variant<CapturedForm>] in
            guard name != "sign", form.value(of: name) == nil else { return [] }
            return values.map { value in
                Variant(
                    form.with(form.parameters + [CapturedForm.Parameter(name, value)]), places: [name],
                    isBroad: name == "sign_type" || name == "charset")
            }
        }
    }

    /// The first of each name, and the last.
    private static func duplicates(_ form: CapturedForm) -> [Variant<CapturedForm>] {
        let parameters = form.parameters
        let later = parameters.indices.dropFirst().filter { parameters[$0].name == parameters[$0 - 1].name }
        let earlier = later.map { $0 - 1 }
        guard !later.isEmpty else { return [] }
        var places: [String] = []
        for index in later where !places.contains(parameters[index].place) { places.append(parameters[index].place) }
        return [later, earlier].map { Variant(form.without(Set($0)), places: places, isBroad: true) }
    }

    /// The parameter with each of these values in the place of its own.
    private static func changed(
        _ form: CapturedForm, _ name: String, _ values: [String]
    ) -> [Variant<CapturedForm>] {
        guard let index = form.parameters.firstIndex(where: { $0.isNamed(name) }) else { return [] }
        return values.filter { !form.parameters[index].value.elementsEqual($0.utf8) }.map { value in
            Variant(form.with(value: Array(value.utf8), at: index), places: [name], isBroad: true)
        }
    }

    /// `X` of `X,X` and `X, X`.
    private static func half(_ value: [UInt8]) -> [UInt8]? {
        for gap in [1, 2] where value.count > gap && (value.count - gap).isMultiple(of: 2) {
            let length = (value.count - gap) / 2
            if value[..<length] == value[(length + gap)...], value[length] == UInt8(ascii: ","),
                gap == 1 || value[length + 1] == 0x20
            {
                return Array(value[..<length])
            }
        }
        return nil
    }

    private static func renamed(_ form: CapturedForm) -> [Variant<CapturedForm>] {
        let parameters = form.parameters.map { parameter in
            CapturedForm.Parameter(
                parameter.name.filter { $0 > 0x20 }
                    .map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }, parameter.value)
        }
        let places = zip(form.parameters, parameters).filter { $0.name != $1.name }.map(\.0.place)
        return places.isEmpty ? [] : [Variant(form.with(parameters), places: places, isBroad: true)]
    }
}
