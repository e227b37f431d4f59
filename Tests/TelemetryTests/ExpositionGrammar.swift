/// Checks a page of metrics line by line against the text format 0.0.4, without knowing how it was written.
enum ExpositionGrammar {
    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    /// - Throws: a ``Violation`` that quotes the first line that is wrong.
    static func check(_ page: String) throws(Violation) {
        guard page.hasSuffix("\n") else { throw Violation(description: "the page does not end with a line feed") }
        var types: [String: String] = [:]
        var seen: Set<String> = []
        for line in page.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ").map(String.init)
                guard words.count == 4, isName(words[2]), ["counter", "gauge", "histogram"].contains(words[3]),
                    types.updateValue(words[3], forKey: words[2]) == nil
                else { throw Violation(description: line) }
            } else if line.hasPrefix("# HELP ") {
                guard line.split(separator: " ").count > 3 else { throw Violation(description: line) }
            } else {
                let series = try sample(line, types)
                guard seen.insert(series).inserted else { throw Violation(description: "twice: \(line)") }
            }
        }
    }

    /// Reads `name{label="value",…} number` and returns what stands before the number.
    private static func sample(_ line: String, _ types: [String: String]) throws(Violation) -> String {
        guard line.unicodeScalars.allSatisfy({ $0.value >= 0x20 }), let space = line.lastIndex(of: " ") else {
            throw Violation(description: line)
        }
        let series = line[..<space]
        let number = line[line.index(after: space)...]
        guard Double(number) != nil || ["+Inf", "-Inf", "NaN"].contains(number) else {
            throw Violation(description: line)
        }
        let name = String(series.prefix { $0 != "{" })
        let family = ["_bucket", "_sum", "_count"].compactMap { ending in
            name.hasSuffix(ending) ? String(name.dropLast(ending.count)) : nil
        }.first { types[$0] == "histogram" }
        guard isName(name), types[family ?? name] != nil else { throw Violation(description: line) }
        guard areLabels(series.dropFirst(name.count)) else { throw Violation(description: line) }
        return String(series)
    }

    private static func areLabels(_ text: Substring) -> Bool {
        guard !text.isEmpty else { return true }
        guard text.first == "{", text.last == "}" else { return false }
        var rest = text.dropFirst().dropLast()
        while !rest.isEmpty {
            let name = rest.prefix { $0 != "=" }
            rest = rest.dropFirst(name.count)
            guard isName(String(name)), !name.contains(":"), rest.hasPrefix("=\"") else { return false }
            rest = rest.dropFirst(2)
            var isClosed = false
            while let character = rest.popFirst() {
                if character == "\\" {
                    guard let escaped = rest.popFirst(), "\\\"n".contains(escaped) else { return false }
                } else if character == "\"" {
                    isClosed = true
                    break
                }
            }
            guard isClosed else { return false }
            guard rest.isEmpty || rest.popFirst() == "," else { return false }
        }
        return true
    }

    private static func isName(_ text: String) -> Bool {
        text.wholeMatch(of: /[a-zA-Z_:][a-zA-Z0-9_:]*/) != nil
    }
}
