// A secret, or any text that is kept in a file of its own, has two keys: `private_key` with the text and `private_key_file`
// with the name of a file; and so in the environment, where a file is `…_FILE`; and a systemd credential named like the key.
extension SettingsSection {
    /// A text that must not be printed. A file with it should not be readable by everybody.
    ///
    /// - Parameter aliases: further variables that may hold the text.
    func secret(_ key: String, _ summary: String, aliases: [String] = []) -> Secret? {
        kept(key, "a secret text", summary, aliases: aliases, isSecret: true).map(Secret.init)
    }

    /// A public text that is usually kept in a file of its own, such as a certificate.
    func document(_ key: String, _ summary: String) -> String? {
        kept(key, "a text", summary, aliases: [], isSecret: false)
    }

    /// The file that ``secret(_:_:aliases:)`` or ``document(_:_:)`` read a key's text from; nil when there is none, or when
    /// the service manager passed it.
    func sourceFile(of key: String) -> String? {
        // What was wrong with it has been said.
        guard !hasProblem(with: key) else { return nil }
        let path = path.appending(key)
        let filePath = self.path.appending(key + "_file")
        guard let kept = fromEnvironment(path, filePath, []) ?? fromCredential(path) ?? fromFile(key, isSecret: true)
        else { return nil }
        if case .credential = kept.origin { return nil }
        return kept.file
    }

    /// The name of a file that somebody else will read, made independent of the configuration's place.
    func fileName(_ key: String, _ summary: String) -> String? {
        optional(key, .text, summary + " Relative to the configuration file.").map(reader.resolve)
    }

    private struct Kept {
        let text: String
        let origin: SettingOrigin
        var file: String?
    }

    private func kept(
        _ key: String, _ expectation: String, _ summary: String, aliases: [String], isSecret: Bool
    ) -> String? {
        ask(key)
        ask(key + "_file")
        let path = path.appending(key)
        let filePath = self.path.appending(key + "_file")
        // The first layer that has it is the last that is asked.
        let chosen =
            fromEnvironment(path, filePath, aliases) ?? fromCredential(path) ?? fromFile(key, isSecret: isSecret)
        let text = chosen.flatMap { chosen in self.text(of: chosen, path, isSecret: isSecret) }
        reader.record(
            .init(
                path: path, expectation: expectation, standard: nil, summary: summary,
                value: chosen?.file == nil ? text.map { Secret($0).digest } : nil,
                origin: chosen?.file == nil ? chosen?.origin ?? .standard : .standard))
        let file = chosen?.file
        reader.record(
            .init(
                path: filePath, expectation: "the name of a file with it", standard: nil,
                summary: "The same in a file of its own, relative to the configuration file.",
                value: file.map { file in file + (text.map { " (\(Secret($0).digest))" } ?? "") },
                origin: file == nil ? .standard : chosen?.origin ?? .standard))
        return text
    }

    private func fromEnvironment(_ path: SettingPath, _ filePath: SettingPath, _ aliases: [String]) -> Kept? {
        let own = reader.variable(path.environmentName)
        let others = aliases.map(reader.variable).compactMap { $0 }
        let file = reader.variable(filePath.environmentName)
        if own != nil, file != nil {
            reader.complain(
                "`\(path)`: \(path.environmentName) and \(filePath.environmentName) are both set", at: path)
        }
        if let own { return Kept(text: own.text, origin: own.origin) }
        if let file { return Kept(text: "", origin: file.origin, file: reader.resolve(file.text)) }
        return others.first.map { Kept(text: $0.text, origin: $0.origin) }
    }

    private func fromCredential(_ path: SettingPath) -> Kept? {
        reader.credential(path).map { Kept(text: "", origin: $0.origin, file: $0.file) }
    }

    private func fromFile(_ key: String, isSecret: Bool) -> Kept? {
        let direct = scalar(key, isSecret: isSecret)
        let file = scalar(key + "_file", isSecret: false)
        if let direct, file != nil {
            let place = Self.where(direct.origin) ?? ""
            reader.complain(
                "`\(path.appending(key))`\(place): `\(key)` and `\(key)_file` are both set", at: path.appending(key))
        }
        return direct ?? file.map { Kept(text: "", origin: $0.origin, file: reader.resolve($0.text)) }
    }

    private func scalar(_ key: String, isSecret: Bool) -> Kept? {
        guard let tree = tree?[key]?.tree else { return nil }
        switch tree.value {
        case .null: return nil
        case .scalar(let text): return Kept(text: text, origin: .file(tree.place))
        case .sequence, .mapping:
            reader.complain(
                "`\(path.appending(key))` at \(tree.place): expected a text, found \(tree.found(isSecret: isSecret))",
                at: path.appending(key))
            return nil
        }
    }

    /// The text itself, from its file if it has one, without the white space around it.
    private func text(of kept: Kept, _ path: SettingPath, isSecret: Bool) -> String? {
        let place = Self.where(kept.origin) ?? ""
        var text = kept.text
        if let file = kept.file {
            do throws(SettingsFile.Unreadable) {
                text = try SettingsFile.text(file)
            } catch {
                reader.complain("`\(path)_file`\(place): \(file) \(error.reason)", at: path)
                return nil
            }
            if isSecret, case .credential = kept.origin {
                // The service manager decides who may read its own folder.
            } else if isSecret, SettingsFile.isOpenToAll(file) {
                reader.warn(
                    "\(file) (`\(path)`) can be read by everybody on this machine; chmod 0600 or 0640 would be enough")
            }
        }
        text = Self.trimmed(text)
        if text.isEmpty { reader.complain("`\(path)`\(place): \(kept.file ?? "the text") is empty", at: path) }
        return text.isEmpty ? nil : text
    }
}
