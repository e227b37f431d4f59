/// A part of a ``Pool`` with connections of its own, so that one kind of work never waits behind another.
public struct Lane: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let name: String

    public init(_ name: String) { self.name = name }
    public init(stringLiteral name: String) { self.name = name }
    public var description: String { name }
}
