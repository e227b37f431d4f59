import Foundation
import Glibc

/// Reads the small files that a configuration is made of.
enum SettingsFile {
    /// More than any configuration, key or certificate chain has.
    static let largest = 1 << 20

    struct Unreadable: Error {
        /// Completes "FILE …".
        let reason: String
    }

    /// The text of a file of UTF-8, a byte order mark removed.
    ///
    /// - Parameter largest: the most bytes that it may have.
    static func text(_ path: String, largest: Int = largest) throws(Unreadable) -> String {
        // Non-blocking, so that a name that is a pipe without a writer cannot hold up the start.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Unreadable(reason: "cannot be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= largest {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EISDIR { throw Unreadable(reason: "is not a file") }
            guard count >= 0 else { throw Unreadable(reason: "cannot be read: \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        guard bytes.count <= largest else { throw Unreadable(reason: "is larger than \(ByteSize.text(largest))") }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Unreadable(reason: "is not UTF-8 text") }
        return text
    }

    /// Whether anybody on the machine may read the file.
    static func isOpenToAll(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let mode = (attributes?[.posixPermissions] as? NSNumber)?.uint32Value else { return false }
        return mode & 0o004 != 0
    }
}
