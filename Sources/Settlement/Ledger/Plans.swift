/// How the statements of a transaction are planned.
enum Plans {
    /// Two columns for the first statement of a transaction that writes settlements: from then on its plans go along indexes,
    /// those of its foreign keys too, and nothing is compiled.
    ///
    /// A plan is kept by its session for as long as nothing tells otherwise. One that was made while the tables were empty reads
    /// them from end to end, also when they have grown: until the first ANALYZE the check of one foreign key took 63 µs
    /// instead of some three, at 17,000 settlements, and four of them are checked for each.
    static let alongIndexes = """
        (SELECT set_config('enable_seqscan', 'off', true)), (SELECT set_config('jit', 'off', true))
        """
}
