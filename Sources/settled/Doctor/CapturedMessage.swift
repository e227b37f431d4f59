import Alipay
import Glibc
import Settlement

/// A message to look into, and what is known of how it came.
struct CapturedMessage: Sendable {
    let body: [UInt8]
    /// The source that it came to, of a stored one.
    var source: String?
    /// Nil where a stored one came without any.
    var contentType: String?
    /// Whether it comes from the database, where persons are masked.
    var isStored = false

    /// A body that somebody captured, which nobody knows the Content-Type of: a form's.
    init(body: [UInt8]) {
        self.body = body
        contentType = Self.formType
    }

    private static let formType = "application/x-www-form-urlencoded"

    init(_ record: NotificationRecords.Record) {
        body = record.body
        source = record.source
        // What was accepted was a form, whether or not its Content-Type was kept.
        contentType = record.contentType ?? Self.formType
        isStored = true
    }

    init(_ record: NotificationRecords.Rejected) {
        body = record.body
        source = record.source
        let wasRefusedForIt = record.cause == NotificationRejection.Cause.unsupportedMediaType.rawValue
        contentType = record.contentType ?? (wasRefusedForIt ? nil : Self.formType)
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
