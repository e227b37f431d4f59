import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension TransportError {
    /// Finds the cause in what NIO, TLS and the system throw.
    init(_ error: any Error) {
        switch error {
        case let known as TransportError: self = known
        case is CancellationError: self.init(.cancelled, "the caller gave up")
        case let error as NIOConnectionError: self.init(error)
        case let error as IOError: self.init(error)
        case let error as ChannelError:
            if case .connectTimeout = error {
                self.init(.timeout, "no connection in time")
            } else {
                self.init(.reset, "the connection ended: \(error)")
            }
        case let error as HTTPParserError:
            self.init(error == .invalidEOFState ? .reset : .notHTTP, "the answer cannot be read as HTTP: \(error)")
        case NIOSSLError.uncleanShutdown: self.init(.reset, "the connection ended without TLS's goodbye")
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: self.init(.tls, "\(error)")
        default: self.init(.other, "\(type(of: error))")
        }
    }

    private init(_ error: NIOConnectionError) {
        if let failure = error.connectionErrors.first {
            self.init(failure.error)
        } else {
            self.init(.dns, "\(error.host) has no address")
        }
    }

    private init(_ error: IOError) {
        switch error.errnoCode {
        case ECONNREFUSED: self.init(.connectRefused, "nobody listens there")
        case ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL: self.init(.unreachable, "no way there: \(error)")
        case ETIMEDOUT: self.init(.timeout, "\(error)")
        case ECONNRESET, EPIPE, ECONNABORTED: self.init(.reset, "the connection was cut")
        default: self.init(.other, "\(error)")
        }
    }
}
