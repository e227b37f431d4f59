import ArgumentParser

/// Which page of a listing: it is always bounded.
struct PageOptions: ParsableArguments {
    @Option(name: .long, help: "How many at most, 1 to 1000.")
    var limit = 50

    @Option(name: .long, help: ArgumentHelp("Only what has a lower id: the next page.", valueName: "id"))
    var before: Int64?

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit takes 1 to 1000") }
        if let before, before < 1 { throw ValidationError("--before takes the id of the last line, 1 or more") }
    }

    /// What `--before` takes for the page after one that ends with `id`.
    func next(after id: Int64?, count: Int) -> String? {
        count == limit ? id.map { String($0) } : nil
    }
}
