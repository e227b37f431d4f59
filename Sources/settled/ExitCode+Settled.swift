import ArgumentParser

/// How the program ends, for scripts and service managers; the numbers from 64 on are those of sysexits.h.
extension ExitCode {
    /// The command line was not understood.
    static let usage = ExitCode(2)
    /// Nothing matched what was asked for.
    static let noneMatched = ExitCode(3)
    /// The caller may not do this.
    static let notAuthorised = ExitCode(4)
    /// Something else stands in the way, such as a newer schema or a conflicting change.
    static let conflict = ExitCode(5)
    /// The check itself went well and found something.
    static let findings = ExitCode(6)
    /// PostgreSQL or a gateway cannot be reached (EX_UNAVAILABLE).
    static let dependencyDown = ExitCode(69)
    /// Busy now; the same command may work later (EX_TEMPFAIL).
    static let tryLater = ExitCode(75)
    /// The configuration is wrong (EX_CONFIG).
    static let configuration = ExitCode(78)
}
