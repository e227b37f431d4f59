import Yams

/// A YAML document as plain values that know their line and column.
///
/// Scalars stay text: what a text means is decided by the key it stands under, so that an app id of digits is never a number
/// and `no` is a word where a word is expected.
struct YAMLTree: Sendable {
    indirect enum Value: Sendable {
        case null
        case scalar(String)
        case sequence([YAMLTree])
        case mapping([Entry])
    }

    struct Entry: Sendable {
        let key: String
        let place: SettingPlace
        let tree: YAMLTree
    }

    let value: Value
    let place: SettingPlace

    /// What was found, for a complaint: its kind, and the text of a scalar, which `isSecret` leaves out.
    func found(isSecret: Bool = false) -> String {
        switch value {
        case .null: "nothing"
        case .scalar(let text): isSecret ? "a text" : "`\(text)`"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    subscript(_ key: String) -> Entry? {
        guard case .mapping(let entries) = value else { return nil }
        return entries.first { $0.key == key }
    }
}

extension YAMLTree {
    /// Aliases may repeat a node, so a short document can stand for a huge one; more nodes or levels than these are refused.
    private static let mostNodes = 100_000
    private static let deepest = 16

    /// - Parameter file: the name that places in this document carry.
    static func parse(_ text: String, file: String) throws(SettingsError) -> YAMLTree {
        let start = SettingPlace(file: file, line: 1, column: 1)
        do {
            guard let node = try Yams.compose(yaml: text) else { return YAMLTree(value: .null, place: start) }
            var nodes = 0
            return try tree(node, at: start, depth: 0, nodes: &nodes)
        } catch let error as SettingsError {
            throw error
        } catch {
            throw SettingsError(problems: [SettingsProblem(sentence(for: error, file: file))])
        }
    }

    private static func tree(
        _ node: Node, at parent: SettingPlace, depth: Int, nodes: inout Int
    ) throws(SettingsError) -> YAMLTree {
        let place = node.mark.map { SettingPlace(file: parent.file, line: $0.line, column: $0.column) } ?? parent
        nodes += 1
        guard nodes <= mostNodes, depth <= deepest else {
            throw SettingsError(problems: [SettingsProblem("the document at \(place) is too deep or too large")])
        }
        switch node {
        case .scalar(let scalar):
            let isNull = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            return YAMLTree(value: isNull ? .null : .scalar(scalar.string), place: place)
        case .sequence(let sequence):
            var trees: [YAMLTree] = []
            for element in sequence { trees.append(try tree(element, at: place, depth: depth + 1, nodes: &nodes)) }
            return YAMLTree(value: .sequence(trees), place: place)
        case .mapping(let mapping):
            var entries: [Entry] = []
            for (key, value) in mapping {
                let keyTree = try tree(key, at: place, depth: depth + 1, nodes: &nodes)
                guard case .scalar(let name) = keyTree.value else {
                    throw SettingsError(problems: [
                        SettingsProblem("a key at \(keyTree.place) is \(keyTree.found()), expected a word")
                    ])
                }
                let valueTree = try tree(value, at: keyTree.place, depth: depth + 1, nodes: &nodes)
                entries.append(Entry(key: name, place: keyTree.place, tree: valueTree))
            }
            return YAMLTree(value: .mapping(entries), place: place)
        case .alias:
            throw SettingsError(problems: [SettingsProblem("an alias at \(place) names nothing")])
        }
    }

    private static func sentence(for error: any Error, file: String) -> String {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "\(file):\(mark.line):\(mark.column) is not YAML: \(problem)"
        case .duplicatedKeysInMapping(let keys, let context):
            "\(keys.map { "`\($0)`" }.joined(separator: ", ")) is written twice in the mapping at "
                + "\(file):\(context.mark.line):\(context.mark.column)"
        case .reader(let problem, let offset, _, _):
            "\(file) is not readable text" + (offset.map { " at byte \($0)" } ?? "") + ": \(problem)"
        default: "\(file) is not YAML"
        }
    }
}
