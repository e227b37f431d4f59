// Escapes that a filter or a framework added to values, or took away from them.

extension Corruption {
    static let htmlEscaped = Corruption(
        "html_escaped",
        "Quotes, & or other characters were replaced with HTML references such as &quot; and &#34; after signing.",
        do: """
            A filter against cross-site scripting, a template or a web application firewall changes the body on its way in. \
            Exempt the notification path from it: a signature covers the bytes as they were sent.
            """)
    static let htmlEscapedTwice = Corruption(
        "html_escaped_twice", "Characters were replaced with HTML references two times over (&amp;quot;).",
        do: "Two filters escape the body. Exempt the notification path from both.")
    static let htmlUnescaped = Corruption(
        "html_unescaped", "The sender signed HTML references (&quot;), and something turned them into characters.",
        do: "Do not decode HTML in what comes in; escape only what goes out into a page.")
    static let slashesAdded = Corruption(
        "slashes_added", "Backslashes were put before quotes, as PHP's addslashes does.",
        do: "Take the body as it came (php://input), or undo it with stripslashes before verifying.")
    static let jsonEscaped = Corruption(
        "json_escaped", "Values hold escapes of JSON (\\/, \\\", \\u4e2d) that were not sent.",
        do:
            "The values were taken out of JSON without decoding it. Verify the form body itself, before any log or queue."
    )
}

enum EscapeCorruptions {
    static let repairs: [Repair<CapturedForm>] = [
        Repair(.htmlEscaped) { form in form.changing { HTMLText.unescaped($0.value) } },
        Repair(.htmlEscapedTwice) { form in
            form.changing { parameter in
                let once = HTMLText.unescaped(parameter.value)
                let twice = HTMLText.unescaped(once)
                return twice == once ? nil : twice
            }
        },
        Repair(.slashesAdded) { form in form.changing { withoutSlashes($0.value) } },
        Repair(.jsonEscaped) { form in form.changing { JSONEscapes.undone($0.value) } },
        Repair(.htmlUnescaped) { form in
            [nil, "&#39;", "&#039;", "&apos;"].flatMap { apostrophe in
                form.changing { HTMLText.escaped($0.value, apostrophe: apostrophe) }
            }
        },
    ]

    /// With `\"`, `\'` and `\\` undone.
    private static func withoutSlashes(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let isEscape =
                text[index] == UInt8(ascii: "\\") && index + 1 < text.count
                && [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\")].contains(text[index + 1])
            out.append(text[isEscape ? index + 1 : index])
            index += isEscape ? 2 : 1
        }
        return out
    }
}
