"""What one notification costs of the program's CPU and of PostgreSQL's, in microseconds: the table of docs/scale.md.

    python3 Benchmarks/costs.py [--rounds 3]

Not a comparison: nobody else is measured, and a rate is chosen, not reached. PostgreSQL is all of it, with the processes that write
WAL and checkpoints and vacuum. What both use while nothing comes is in the figures, so that it weighs more the less comes.
"""

import argparse

import place
import program
import run

DATABASE = "bench_costs"


class Meter:
    """CPU of the program and of PostgreSQL since it was made, a notification."""

    def __init__(self, pid):
        self.pids = pid, int((place.WORK / "pg/data/postmaster.pid").read_text().split()[0])
        self.before = [place.tree_cpu(each) for each in self.pids]

    def each(self, count):
        return [(place.tree_cpu(pid) - before) / count * 1e6 for pid, before in zip(self.pids, self.before)]


def taken_in():
    program.fresh(DATABASE)
    with program.service("serve") as server:
        program.wrk(program.NOTIFY, 64, 2)
        place.wait_for_quiet()
        meter = Meter(server.pid)
        return meter.each(program.wrk(program.NOTIFY, 64, 5)["requests"])


def settled():
    count = 24_000
    program.fresh(DATABASE)
    with program.service("serve"):
        program.send(count)
    place.wait_for_quiet()
    with program.stub(), program.service("work") as worker:
        meter = Meter(worker.pid)
        published(count)
        return meter.each(count)


def both(rate):
    first, count = 500, rate * 10
    program.fresh(DATABASE)
    with program.stub(), program.service("run") as server:
        program.send(first, min(rate, first))
        published(first)
        place.wait_for_quiet()
        meter = Meter(server.pid)
        program.send(count, rate, first=first)
        published(first + count)
        return meter.each(count)


def published(count):
    program.wait_until(f"{count} items", lambda: program.published(DATABASE) >= count, 120, every=0.5)


CASES = [
    ("taken in at full speed, 64 connections", "serve", taken_in),
    ("settled at full speed", "work", settled),
    ("both, 1,000 a second", "run", lambda: both(1000)),
    ("both, 100 a second", "run", lambda: both(100)),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    place.prepare()
    run.make_corpus(200_000, ["gateway"])
    found = {name: [] for name, _, _ in CASES}
    with place.cluster():
        for number in range(rounds):
            for name, _, measure in CASES:
                found[name].append(measure())
                place.say(f"round {number + 1}: {name}: " + " ".join(f"{each:.0f}" for each in found[name][-1]))
        place.psql(f"DROP DATABASE {DATABASE} WITH (FORCE)", "postgres")
    print("| | the program | PostgreSQL |\n|---|---:|---:|")
    for name, word, _ in CASES:
        program_us, postgres_us = (place.median(column) for column in zip(*found[name]))
        print(f"| {name} | `{word}` {program_us:.0f} µs | {postgres_us:.0f} µs |")


if __name__ == "__main__":
    main()
