"""The rows of the comparison. Each has `run(bench, round)`, measures every contestant once and hands each figure to
`bench`."""
