import Synchronization

/// Gives bytes out block by block.
final class Blocks: Sendable {
    private let bytes: [UInt8]
    private let size: Int
    private let at = Mutex(0)

    init(_ bytes: [UInt8], size: Int) {
        self.bytes = bytes
        self.size = size
    }

    convenience init(_ text: String) { self.init(Array(text.utf8), size: 4096) }

    func next() -> [UInt8]? {
        at.withLock { at in
            guard at < bytes.count else { return nil }
            defer { at += size }
            return Array(bytes[at..<min(bytes.count, at + size)])
        }
    }
}

/// A beginning, and then the same character for a long time.
final class Endless: Sendable {
    private let rest: Mutex<(prefix: [UInt8]?, left: Int)>

    init(prefix: [UInt8], length: Int) { rest = Mutex((prefix, length)) }

    func next() -> [UInt8]? {
        rest.withLock { rest in
            if let prefix = rest.prefix {
                rest.prefix = nil
                return prefix
            }
            guard rest.left > 0 else { return nil }
            rest.left -= 65_536
            return [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
        }
    }
}
