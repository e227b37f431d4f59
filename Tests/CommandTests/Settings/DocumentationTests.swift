import Foundation
import Testing

@testable import settled

@Suite("What is written about the configuration")
struct DocumentationTests {
    /// A file of the repository, found from this one.
    private func text(_ name: String, here: String = #filePath) throws -> String {
        var folder = URL(fileURLWithPath: here)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        return try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }

    @Test("docs/configuration.md has every key with its default, its variable and what it is")
    func reference() throws {
        let document = try text("docs/configuration.md")
        for line in SettingsReference.markdown.split(separator: "\n") {
            #expect(document.contains("\n\(line)\n") || document.hasSuffix("\n\(line)"), "not there: \(line)")
        }
    }

    @Test("docs/configuration.md has no key that does not exist")
    func surplus() throws {
        let known = Set(SettingsReference.markdown.split(separator: "\n"))
        let rows = try text("docs/configuration.md").split(separator: "\n").filter {
            $0.hasPrefix("| `") && $0.contains("SETTLED_")
        }
        #expect(rows.count == LoadedSettings.catalogue().count)
        for row in rows { #expect(known.contains(row), "no longer true: \(row)") }
    }

    @Test("The example file is right as it stands")
    func exampleLoads() throws {
        let folder = try SettingsFolder(["app.pem": "private", "alipay.pem": "public"])
        try folder.write(try text("deploy/settled.example.yaml"), to: "settled.yaml")
        let loaded = try LoadedSettings.load(file: folder.path + "/settled.yaml", environment: [:])
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.settings.sources.map(\.name) == ["cplife"])
    }

    @Test("The example file has every key, those that are left out at their default")
    func exampleIsComplete() throws {
        let lines = try text("deploy/settled.example.yaml").split(separator: "\n").map { line in
            String(line).replacing(/^( *)#([a-z_]+:)/) { "\($0.output.1)\($0.output.2)" }
        }
        let tree = try YAMLTree.parse(lines.joined(separator: "\n"), file: "settled.example.yaml")
        let written = Self.scalars(of: tree, path: .root)
        let catalogue = LoadedSettings.catalogue()
        let patterns = Set(catalogue.map(\.path.pattern))
        for entry in catalogue {
            let pattern = entry.path.pattern
            // A text that is kept in a file of its own is there once, as the text or as the file.
            if written[pattern + "_file"] != nil || written[String(pattern.dropLast("_file".count))] != nil { continue }
            let text = try #require(written[pattern], "\(pattern) is missing")
            if let standard = entry.standard, standard != "required", !Self.examples.contains(pattern) {
                #expect(text == standard, "\(pattern) is not shown at its default")
            }
        }
        for pattern in written.keys { #expect(patterns.contains(pattern), "\(pattern) does not exist") }
    }

    /// Keys of which the example shows a value that somebody could have.
    private static let examples: Set = ["merchants[].communities"]

    /// Every value below `tree` as text by the pattern of its key, lists of values with commas.
    private static func scalars(of tree: YAMLTree, path: SettingPath) -> [String: String] {
        switch tree.value {
        case .null: return [path.pattern: ""]
        case .scalar(let text): return [path.pattern: text]
        case .mapping(let entries):
            return entries.reduce(into: [:]) { all, entry in
                all.merge(scalars(of: entry.tree, path: path.appending(entry.key))) { $1 }
            }
        case .sequence(let trees):
            let texts = trees.compactMap { tree in if case .scalar(let text) = tree.value { text } else { nil } }
            if texts.count == trees.count { return [path.pattern: texts.joined(separator: ", ")] }
            return trees.reduce(into: [:]) { all, tree in all.merge(scalars(of: tree, path: path.appending(0))) { $1 } }
        }
    }
}
