import Glibc

/// Where PostgreSQL's server programs are installed.
struct PostgresPrograms: Sendable {
    let folder: String

    func path(_ program: String) -> String { "\(folder)/\(program)" }

    /// The newest version of Debian's layout, else the first folder of PATH that has them.
    static func find(
        debian: String = "/usr/lib/postgresql", path: String = getenv("PATH").map { String(cString: $0) } ?? ""
    ) throws(EmbeddedPostgresError) -> PostgresPrograms {
        let versions = entries(of: debian).compactMap { Int($0) }.sorted(by: >).map { "\(debian)/\($0)/bin" }
        let folders = versions + path.split(separator: ":").map(String.init)
        guard let folder = folders.first(where: { hasPrograms($0) }) else {
            throw EmbeddedPostgresError(
                "PostgreSQL's programs initdb and postgres are neither below \(debian) nor in PATH; "
                    + "install them (Debian, Ubuntu: apt-get install postgresql)")
        }
        return PostgresPrograms(folder: folder)
    }

    private static func hasPrograms(_ folder: String) -> Bool {
        ["initdb", "postgres"].allSatisfy { access("\(folder)/\($0)", X_OK) == 0 }
    }

    private static func entries(of folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { name in
                    name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }
}
