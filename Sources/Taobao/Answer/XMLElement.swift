/// An element of an XML text, without anything that TOP's answers have no use for: names are plain ASCII, namespaces are
/// not looked at, comments are gone.
struct XMLElement: Sendable, Hashable {
    struct Attribute: Sendable, Hashable {
        let name: String
        let value: String
    }

    let name: String
    var attributes: [Attribute] = []
    var children: [XMLElement] = []
    /// All character data directly inside, CDATA sections included, in their order.
    var text = ""
}
