/// One mapping of the configuration, asked key by key.
///
/// Each method declares a key by reading it: its shape, its default and what it is for stand in the call.
/// What is wrong becomes a problem of the reader, and the answer is then the default, so that one run finds all problems.
struct SettingsSection {
    let reader: SettingsReader
    let path: SettingPath
    /// Nil when the section stands in no file.
    let tree: YAMLTree?
    private let keys = Keys()

    /// The keys asked for so far, of which everything else in the mapping is a misspelling.
    private final class Keys {
        var known: [String] = []
    }

    init(reader: SettingsReader, path: SettingPath, tree: YAMLTree?) {
        self.reader = reader
        self.path = path
        if case .null? = tree?.value { self.tree = nil } else { self.tree = tree }
    }

    // MARK: One value

    /// A key with a default.
    func value<Value>(
        _ key: String, _ shape: SettingShape<Value>, default standard: Value, _ summary: String, aliases: [String] = []
    ) -> Value {
        let found = find(key, expectation: shape.expectation, aliases: aliases)
        let value = found.flatMap { parse($0, shape, at: path.appending(key)) }
        record(key, shape, standard: shape.show(standard), summary, shape.show(value ?? standard), found?.origin)
        return value ?? standard
    }

    /// A key that may be absent.
    func optional<Value>(
        _ key: String, _ shape: SettingShape<Value>, _ summary: String, aliases: [String] = []
    ) -> Value? {
        let found = find(key, expectation: shape.expectation, aliases: aliases)
        let value = found.flatMap { parse($0, shape, at: path.appending(key)) }
        record(key, shape, standard: nil, summary, value.map(shape.show), found?.origin)
        return value
    }

    /// A key that must be there; its absence is a problem, and `placeholder` stands for it until the problems are reported.
    func required<Value>(
        _ key: String, _ shape: SettingShape<Value>, placeholder: Value, _ summary: String
    ) -> Value {
        let found = find(key, expectation: shape.expectation, aliases: [])
        if found == nil, tree?[key].map({ if case .null = $0.tree.value { true } else { false } }) ?? true {
            complain(missing: key, expectation: shape.expectation)
        }
        let value = found.flatMap { parse($0, shape, at: path.appending(key)) }
        record(key, shape, standard: "required", summary, value.map(shape.show), found?.origin)
        return value ?? placeholder
    }

    /// Says that `key` must be set here.
    func complain(missing key: String, expectation: String) {
        reader.complain("`\(path.appending(key))` is missing\(place): expected \(expectation)")
    }

    /// Says that the value of `key` cannot stand, and why: a sentence that follows the key and its place.
    func complain(about key: String, _ sentence: String) {
        let origin = find(key, expectation: "", aliases: [], isComplaining: false)?.origin
        reader.complain("`\(path.appending(key))`\(Self.where(origin) ?? place): \(sentence)")
    }

    /// Whether a complaint about `key` was made already.
    func hasProblem(with key: String) -> Bool { reader.hasProblem(at: path.appending(key)) }

    // MARK: Several values

    /// A list of values: a list in the file, or in the environment one variable with commas, or one for each index.
    func values<Value>(
        _ key: String, _ shape: SettingShape<Value>, default standard: [Value], _ summary: String
    ) -> [Value] {
        keys.known.append(key)
        let path = path.appending(key)
        let shown = { (values: [Value]) in values.map(shape.show).joined(separator: ", ") }
        let (texts, origin) = list(key, at: path, expectation: shape.expectation)
        let values = texts.map { texts in
            texts.enumerated().compactMap { index, found in parse(found, shape, at: path.appending(index)) }
        }
        reader.record(
            .init(
                path: path, expectation: "a list, each \(shape.expectation)", standard: shown(standard),
                summary: summary,
                value: shown(values ?? standard), origin: origin))
        return values ?? standard
    }

    private func list(
        _ key: String, at path: SettingPath, expectation: String
    ) -> (texts: [SettingsReader.Found]?, origin: SettingOrigin) {
        if let found = reader.flags[path.description] ?? reader.variable(path.environmentName) {
            let texts = found.text.split(separator: ",").map { text in
                SettingsReader.Found(text: Self.trimmed(String(text)), origin: found.origin)
            }
            return (texts, found.origin)
        }
        let numbered = reader.indices(below: path).sorted().compactMap {
            reader.variable(path.appending($0).environmentName)
        }
        if let first = numbered.first { return (numbered, first.origin) }
        guard let tree = tree?[key]?.tree else { return (nil, .standard) }
        switch tree.value {
        case .null: return (nil, .standard)
        case .scalar(let text): return ([.init(text: text, origin: .file(tree.place))], .file(tree.place))
        case .sequence(let elements):
            let texts = elements.compactMap { element -> SettingsReader.Found? in
                guard case .scalar(let text) = element.value else {
                    reader.complain("`\(path)` at \(element.place): expected \(expectation), found \(element.found())")
                    return nil
                }
                return .init(text: text, origin: .file(element.place))
            }
            return (texts, .file(tree.place))
        case .mapping:
            reader.complain("`\(path)` at \(tree.place): expected a list, found a mapping")
            return (nil, .standard)
        }
    }

    // MARK: Sections and lists of sections

    /// A mapping below this one; its keys have their defaults when it is absent.
    func section<Value>(_ key: String, _ read: (SettingsSection) -> Value) -> Value {
        enter(path.appending(key), tree: mapping(key), read)
    }

    /// A mapping below this one that may be absent as a whole.
    func optionalSection<Value>(_ key: String, _ read: (SettingsSection) -> Value) -> Value? {
        let mapping = mapping(key)
        let path = path.appending(key)
        guard mapping != nil || reader.isCatalogue || reader.hasVariables(below: path) else { return nil }
        return enter(path, tree: mapping, read)
    }

    /// A list of mappings, each of which is known by the text of one of its keys.
    ///
    /// - Parameter identity: the key that tells the elements apart; two with the same text are a problem.
    func sections<Value>(
        _ key: String, identity: (key: String, of: (Value) -> String), _ read: (SettingsSection) -> Value
    ) -> [Value] {
        keys.known.append(key)
        let path = path.appending(key)
        var trees: [YAMLTree?] = []
        switch tree?[key]?.tree.value {
        case nil, .null: break
        case .sequence(let elements): trees = elements
        default:
            let found = tree?[key]?.tree
            reader.complain(
                "`\(path)` at \(found?.place.description ?? ""): expected a list, found \(found?.found() ?? "")")
        }
        for index in reader.indices(below: path).sorted() where index >= trees.count {
            guard index == trees.count else {
                reader.complain(
                    "\(path.appending(index).environmentName)… is set, but `\(path)` has no element \(trees.count) before it"
                )
                break
            }
            trees.append(nil)
        }
        if reader.isCatalogue { trees = [nil] }
        var seen: [String: SettingPath] = [:]
        return trees.enumerated().map { index, tree in
            enter(path.appending(index), tree: tree) { section in
                let value = read(section)
                let name = identity.of(value)
                if let first = seen[name], !name.isEmpty {
                    section.complain(about: identity.key, "`\(name)` is already that of `\(first)`")
                } else {
                    seen[name] = section.path
                }
                return value
            }
        }
    }

    private func mapping(_ key: String) -> YAMLTree? {
        keys.known.append(key)
        guard let found = tree?[key]?.tree else { return nil }
        if case .null = found.value { return nil }
        return found
    }

    /// Reads one section, then refuses the keys in it that nobody asked for.
    private func enter<Value>(_ path: SettingPath, tree: YAMLTree?, _ read: (SettingsSection) -> Value) -> Value {
        let section = SettingsSection(reader: reader, path: path, tree: tree)
        let value = read(section)
        section.refuseUnknownKeys()
        return value
    }

    func refuseUnknownKeys() {
        guard let tree else { return }
        guard case .mapping(let entries) = tree.value else {
            let name = path.steps.isEmpty ? "the document" : "`\(path)`"
            return reader.complain("\(name) at \(tree.place): expected a mapping of keys, found \(tree.found())")
        }
        for entry in entries where !keys.known.contains(entry.key) {
            let question = NearestWord.question(entry.key, among: keys.known)
            let known = question.isEmpty ? " (known here: \(keys.known.joined(separator: ", ")))" : question
            let name = path.steps.isEmpty ? "" : " in `\(path)`"
            reader.complain("unknown key `\(entry.key)`\(name) at \(entry.place)\(known)")
        }
    }

    // MARK: Finding

    private func find(
        _ key: String, expectation: String, aliases: [String], isComplaining: Bool = true
    ) -> SettingsReader.Found? {
        keys.known.append(key)
        let path = path.appending(key)
        if let found = reader.flags[path.description] { return found }
        // All names are asked for, so that an alias that lost is not called unknown.
        let variables = ([path.environmentName] + aliases).map(reader.variable)
        if let found = variables.compactMap({ $0 }).first { return found }
        guard let tree = tree?[key]?.tree else { return nil }
        switch tree.value {
        case .null: return nil
        case .scalar(let text): return .init(text: text, origin: .file(tree.place))
        case .sequence, .mapping:
            if isComplaining {
                reader.complain("`\(path)` at \(tree.place): expected \(expectation), found \(tree.found())")
            }
            return nil
        }
    }

    private func parse<Value>(
        _ found: SettingsReader.Found, _ shape: SettingShape<Value>, at path: SettingPath
    ) -> Value? {
        if let value = shape.parse(found.text) { return value }
        let question = NearestWord.question(found.text, among: shape.words)
        let text = String(found.text.prefix(100))
        reader.complain(
            "`\(path)`\(Self.where(found.origin) ?? ""): expected \(shape.expectation), found `\(text)`\(question)")
        return nil
    }

    private func record<Value>(
        _ key: String, _ shape: SettingShape<Value>, standard: String?, _ summary: String, _ value: String?,
        _ origin: SettingOrigin?
    ) {
        reader.record(
            .init(
                path: path.appending(key), expectation: shape.expectation, standard: standard, summary: summary,
                value: value, origin: origin ?? .standard))
    }

    /// ` at settled.yaml:12:3`, where this section begins, or nothing when it stands in no file.
    private var place: String { tree.map { " at \($0.place)" } ?? "" }

    static func `where`(_ origin: SettingOrigin?) -> String? {
        switch origin {
        case .file(let place)?: " at \(place)"
        case .standard?, nil: nil
        case let origin?: " from \(origin)"
        }
    }

    static func trimmed(_ text: String) -> String {
        let rest = text.drop { $0.isWhitespace }
        let last = rest.lastIndex { !$0.isWhitespace }
        return last.map { String(rest[...$0]) } ?? ""
    }

    func ask(_ key: String) {
        keys.known.append(key)
    }
}
