import Glibc
import Subprocess
import SystemPackage

/// The user that a PostgreSQL server runs as: ourselves, or `postgres` when we are root.
struct ServerAccount: Sendable {
    /// Nil when we are not root and the server runs as ourselves.
    private let user: (id: uid_t, group: gid_t)?

    static func current() throws(EmbeddedPostgresError) -> ServerAccount {
        guard geteuid() == 0 else { return ServerAccount(user: nil) }
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16 * 1024)
        guard getpwnam_r("postgres", &entry, &buffer, buffer.count, &found) == 0, found != nil else {
            throw EmbeddedPostgresError(
                "PostgreSQL does not run as root and there is no user postgres to run it as; "
                    + "install the package postgresql or start as another user")
        }
        return ServerAccount(user: (entry.pw_uid, entry.pw_gid))
    }

    /// `program` with `arguments`, run as this account in `folder`, deaf to our terminal's Ctrl-C: the server must outlive
    /// our last commit.
    ///
    /// The user is changed by util-linux' setpriv and not between fork and exec: glibc's setuid there waits for threads
    /// that the fork did not copy.
    func configuration(_ program: String, _ arguments: [String], in folder: String) -> Configuration {
        var command = [program] + arguments
        if let user {
            command = ["setpriv", "--reuid=\(user.id)", "--regid=\(user.group)", "--clear-groups", "--"] + command
        }
        var options = PlatformOptions()
        options.createSession = true
        return Configuration(
            executable: .name(command[0]), arguments: Arguments(Array(command.dropFirst())),
            environment: .custom(["PATH": "/usr/bin:/bin:/usr/local/bin", "LC_ALL": "C"]),
            workingDirectory: FilePath(folder), platformOptions: options)
    }

    /// A new folder of mode 0700 that belongs to the account. It lies in /tmp, not in TMPDIR: the account must reach it,
    /// and a socket's path has at most 107 bytes.
    func makePrivateFolder() throws(EmbeddedPostgresError) -> String {
        var template = Array("/tmp/settled-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw EmbeddedPostgresError("cannot make a folder in /tmp: \(String(cString: strerror(errno)))")
        }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if let user, chown(folder, user.id, user.group) != 0 {
            let reason = String(cString: strerror(errno))
            rmdir(folder)
            throw EmbeddedPostgresError("cannot give \(folder) to the user postgres: \(reason)")
        }
        return folder
    }
}

/// A TCP port on 127.0.0.1 that nobody listens on now.
func freeLoopbackPort() throws(EmbeddedPostgresError) -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
        }
    }
    guard descriptor >= 0, isBound else {
        throw EmbeddedPostgresError("no TCP port is free: \(String(cString: strerror(errno)))")
    }
    return Int(UInt16(bigEndian: address.sin_port))
}
