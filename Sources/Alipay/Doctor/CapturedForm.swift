import Wire

/// The parameters of a body that somebody captured, read as forgivingly as can be: the doctor looks at what
/// ``FormBody`` rightly refuses.
struct CapturedForm: DoctorSubject, Sendable, Hashable {
    struct Parameter: Sendable, Hashable {
        var name: [UInt8]
        var value: [UInt8]

        init(_ name: [UInt8], _ value: [UInt8]) {
            self.name = name
            self.value = value
        }

        init(_ name: String, _ value: String) { self.init(Array(name.utf8), Array(value.utf8)) }

        func isNamed(_ text: String) -> Bool { name.elementsEqual(text.utf8) }
        var isBlank: Bool {
            value.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) || (0x1C...0x1F).contains($0) }
        }
        /// The name for a person, of bounded length; it may hold anything.
        var place: String { String(decoding: name.prefix(64), as: UTF8.self) }
    }

    /// All but `sign`, sorted by the bytes of their names; equal names in the order received.
    private(set) var parameters: [Parameter]
    /// Every value that `sign` has; one, in a message that is whole.
    var signs: [[UInt8]]

    /// More than these are not looked at: the program refuses them, and each costs time.
    static let mostParameters = 512

    init(_ pairs: [Parameter]) {
        signs = pairs.filter { $0.isNamed("sign") }.map(\.value)
        parameters = Self.sorted(pairs.filter { !$0.isNamed("sign") })
    }

    private static func sorted(_ parameters: [Parameter]) -> [Parameter] {
        // `sort` keeps the order of equals in practice and does not promise it; the index does.
        parameters.enumerated().sorted { left, right in
            left.element.name == right.element.name
                ? left.offset < right.offset
                : left.element.name.lexicographicallyPrecedes(right.element.name)
        }.map(\.element)
    }

    /// A body decoded once: pairs split at `&` and the first `=`, `+` a blank, `%XX` a byte. What is no escape stands
    /// for itself, a pair without `=` has an empty value, and empty pairs are passed over.
    init(decoding body: [UInt8]) {
        self.init(
            Self.pairs(body).map { Parameter(PercentText.decoded($0.name), PercentText.decoded($0.value)) })
    }

    /// Pairs of a text, still encoded.
    static func pairs(_ text: [UInt8]) -> [(name: [UInt8], value: [UInt8])] {
        text.split(separator: UInt8(ascii: "&"), maxSplits: mostParameters).prefix(mostParameters).map { pair in
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return (Array(pair), []) }
            return (Array(pair[..<equals]), Array(pair[(equals + 1)...]))
        }
    }

    func value(of name: String) -> [UInt8]? { parameters.first { $0.isNamed(name) }?.value }

    var size: Int { parameters.reduce(0) { $0 + $1.name.count + $1.value.count + 2 } }

    // MARK: What is signed

    /// The parameters that a form covers.
    func covered(_ form: CanonicalForm, droppingEmptyValues: Bool, without left: String? = nil) -> [Parameter] {
        parameters.filter { parameter in
            !(form == .v1 && parameter.isNamed("sign_type"))
                && !(droppingEmptyValues && parameter.isBlank)
                && !(left.map(parameter.isNamed) ?? false)
        }
    }

    static func content(of parameters: [Parameter]) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(parameters.reduce(0) { $0 + $1.name.count + $1.value.count + 2 })
        for parameter in parameters {
            if !content.isEmpty { content.append(UInt8(ascii: "&")) }
            content += parameter.name
            content.append(UInt8(ascii: "="))
            content += parameter.value
        }
        return content
    }

    // MARK: Changing it

    /// The same message with other parameters.
    func with(_ parameters: [Parameter]) -> CapturedForm {
        var form = self
        form.parameters = Self.sorted(parameters)
        return form
    }

    func with(value: [UInt8], at index: Int) -> CapturedForm {
        var form = self
        form.parameters[index].value = value
        return form
    }

    func without(_ indices: Set<Int>) -> CapturedForm {
        var form = self
        form.parameters = parameters.enumerated().filter { !indices.contains($0.offset) }.map(\.element)
        return form
    }

    /// What comes of changing values: all of them together, then each alone where there are several.
    ///
    /// - Parameter change: the other value; nil, or the same one, where it does not apply.
    func changing(_ change: (Parameter) -> [UInt8]?) -> [Variant<CapturedForm>] {
        let changed = parameters.indices.compactMap { index in
            change(parameters[index]).flatMap { $0 == parameters[index].value ? nil : (index, $0) }
        }
        guard !changed.isEmpty else { return [] }
        var all = self
        for (index, value) in changed { all.parameters[index].value = value }
        let together = Variant(all, places: changed.map { parameters[$0.0].place }, isBroad: true)
        guard changed.count > 1 else { return [together] }
        return [together]
            + changed.map { index, value in
                Variant(with(value: value, at: index), places: [parameters[index].place], isBroad: false)
            }
    }
}
