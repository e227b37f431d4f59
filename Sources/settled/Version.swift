/// The version of this program, as `settled --version`, logs and metrics say it.
enum Version {
    static let current = "0.1.0"
}
