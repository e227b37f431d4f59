import ArgumentParser

/// How a command speaks: to a person, or to a program.
struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON, one object a line where there are many.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print data and errors, nothing else.")
    var quiet = false

    /// Something a person may like to know, unless they asked for quiet.
    func note(_ text: String) {
        if !quiet { StandardError.line(text) }
    }

    /// Where a progress bar draws itself.
    func progress(_ text: String) {
        if !quiet { StandardError.write(text) }
    }
}
