import Glibc

/// The files and sockets that this process may have open at once.
enum OpenFiles {
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    /// More are never needed, and some systems would give a thousand times as many.
    private static let most: rlim_t = 1 << 20

    /// Raises the limit to what this process may choose. The usual 1,024 is made for programs that call select(2); here a
    /// thousand idle senders would leave nothing for the database.
    static func raiseLimit() {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return }
        let wanted = min(limit.rlim_max, most)
        guard limit.rlim_cur < wanted else { return }
        limit.rlim_cur = wanted
        // Where it is refused the program goes on with what it has; who listens says so if that is little.
        _ = setrlimit(resource, &limit)
    }

    /// What is in force.
    static var limit: Int {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many of `wanted` connections of each listener may come from outside, so that the program can still reach its
    /// database and its gateways.
    ///
    /// - Parameter others: what the program opens itself, at most.
    static func fitting(_ wanted: Int, listeners: Int, others: Int, limit: Int) -> Int {
        min(wanted, max(limit - others, limit / 2) / max(1, listeners))
    }
}
