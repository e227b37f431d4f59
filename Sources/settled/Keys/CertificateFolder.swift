import Alipay
import Foundation
import Glibc

/// Where certificates of Alipay's that came by download outlive a restart: one PEM file each, `alipay-APP-NUMBER.pem`.
///
/// What lies here is believed no more than a download is: each file must lead to the pinned root certificates again.
struct CertificateFolder: Sendable {
    let path: String
    let appID: String

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private var prefix: String { "alipay-\(appID)-" }

    /// The files that are there, the latest written first.
    func files() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { number(of: $0) != nil }
            .map { path + "/" + $0 }
            .sorted { (Self.writtenAt($0), $1) > (Self.writtenAt($1), $0) }
    }

    /// The number in a file's name; nil for a file that is none of these.
    func number(of file: String) -> String? {
        let name = file.split(separator: "/").last.map(String.init) ?? file
        guard name.hasPrefix(prefix), name.hasSuffix(".pem") else { return nil }
        let number = name.dropFirst(prefix.count).dropLast(4)
        guard number.utf8.count == 32 else { return nil }
        return String(number)
    }

    private static func writtenAt(_ file: String) -> Date {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file)
        return attributes?[.modificationDate] as? Date ?? .distantPast
    }

    /// Writes a certificate beside the others; a reader sees all of it or nothing.
    func keep(_ chain: CertificateChain) throws(Failure) {
        let file = "\(path)/\(prefix)\(chain.leaf.number).pem"
        // Processes that share the folder may write the same certificate at once.
        let draft = file + ".\(getpid())"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw Self.failure(file) }
        let bytes = Array(chain.pem.utf8)
        var isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        isWritten = close(descriptor) == 0 && isWritten
        guard isWritten, rename(draft, file) == 0 else {
            let failure = Self.failure(file)
            unlink(draft)
            throw failure
        }
    }

    private static func failure(_ file: String) -> Failure {
        Failure(
            description: "\(file) cannot be written (\(String(cString: strerror(errno)))): the certificate is kept in "
                + "memory only, and is downloaded again after a restart")
    }
}
