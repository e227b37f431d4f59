import Glibc

/// Writes data to standard output, which is for data alone.
///
/// When the reader has gone (`settled jobs list | head`), the program ends at once and quietly, as others do.
enum StandardOutput {
    static func line(_ text: String) {
        write(text + "\n")
    }

    static func write(_ text: String) { write(bytes: Array(text.utf8)) }

    static func write(bytes: [UInt8]) {
        guard Descriptor.write(bytes, to: STDOUT_FILENO) else { exit(errno == EPIPE ? 0 : 1) }
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}

/// Writes what is said to a person, not data: progress, warnings, errors. A failure to write it is no reason to fail.
enum StandardError {
    static func line(_ text: String) {
        write(text + "\n")
    }

    static func write(_ text: String) {
        _ = Descriptor.write(Array(text.utf8), to: STDERR_FILENO)
    }

    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}

private enum Descriptor {
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&poller, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
