import Alipay
import Glibc
import Settlement

/// A message to look into, and what is known of how it came.
struct CapturedMessage: Sendable {
    let body: [UInt8]
    /// The source that it came to, of a stored one.
    var source: String?
    var contentType: String?
    /// Whether it comes from the database, where persons are masked.
    var isStored = false

    static let formType = "application/x-www-form-urlencoded"

    init(body: [UInt8]) { self.body = body }

    init(_ record: NotificationRecords.Record) {
        body = record.body
        source = record.source
        contentType = record.contentType
        isStored = true
    }

    init(_ record: NotificationRecords.Rejected) {
        body = record.body
        source = record.source
        contentType = record.contentType
        isStored = true
    }

    /// The bytes of a file, or of standard input for `-`.
    static func read(_ file: String) throws -> [UInt8] {
        let descriptor = file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure("\(file) cannot be read: \(String(cString: strerror(errno)))", .usage)
        }
        defer { if file != "-" { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= NotificationDoctor.mostBytes {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandFailure("\(file) cannot be read: \(String(cString: strerror(errno)))", .usage)
            }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
        throw CommandFailure("\(file) has more than \(NotificationDoctor.mostBytes) bytes", .usage)
    }
}
