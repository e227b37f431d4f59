"""The comparison: intake, queue, gateway and feed beside peers and beside what the machine can do. See README.md.

    python3 Benchmarks/run.py [--rounds 5] [--rows intake,queue,…] [--short | --quick]

Ends with 1 when something was lost, doubled or left over; a figure that falls short is said in the report and is no
failure.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

import corpus
import place
import program
import report
import targets
from rows import depth, feed, footprint, gateway, intake, line, queue, snapshot, soak

ROWS = {
    "intake": intake,
    "queue": queue,
    "gateway": gateway,
    "line": line,
    "depth": depth,
    "snapshot": snapshot,
    "feed": feed,
    "footprint": footprint,
    "soak": soak,
}
# An hour, so only when it is asked for.
USUAL = [name for name in ROWS if name != "soak"]
# They send no notifications, or make their own.
UNSIGNED = {"queue", "depth", "snapshot", "soak"}
RESULTS = place.WORK / "results.jsonl"


class Bench:
    """One run: how long its measurements are, and where each is written down."""

    def __init__(self, quick, short=False, peer_holds=1, soak=60):
        # Small: fewer jobs wait, and a snapshot is held for less long.
        self.quick = quick
        self.short = short or quick
        # Rounds in which peers, too, work while a snapshot is held.
        self.peer_holds = peer_holds
        # Minutes.
        self.soak = soak
        self.run = time.strftime("%Y%m%dT%H%M%S")
        self.round = 0
        self.failures = []

    def seconds(self, full):
        return max(2, full // 2) if self.short else full

    def count(self, full):
        return full // 3 if self.short else full

    def samples(self, full):
        """Of which a percentile is taken: the 99th of fewer is the mood of a moment."""
        return full // 3 if self.quick else full

    def keep(self, row, case, who, **figures):
        self.append({"round": self.round, "row": row, "case": case, "who": who, **figures})
        shown = {name: round(value, 2) for name, value in figures.items() if isinstance(value, (int, float))}
        place.say(f"  {row} {case}: {who} " + " ".join(f"{name}={value}" for name, value in shown.items()))

    def append(self, entry):
        with open(RESULTS, "a") as file:
            file.write(json.dumps({"run": self.run, **entry}) + "\n")


def versions():
    """Of everything that takes part, as installed."""
    found = {
        "settled": subprocess.run([place.SETTLED, "version"], capture_output=True, text=True)
        .stdout.strip()
        .split("\n")[0]
    }
    python = subprocess.run(
        [place.PYTHON, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    wanted = re.findall(r"^([a-zA-Z-]+)", (place.HERE / "requirements.txt").read_text(), re.MULTILINE)
    found |= {each["name"]: each["version"] for each in json.loads(python.stdout) if each["name"] in wanted}
    for name, command in [
        ("java", ["java", "-version"]),
        ("wrk", ["wrk", "-v"]),
        ("openssl", ["openssl", "version"]),
        ("pgqd", ["pgqd", "-V"]),
    ]:
        try:
            done = subprocess.run(command, capture_output=True, text=True)
            number = re.search(r"\d+(\.\d+)+\S*", done.stdout + done.stderr)
            found[name] = number.group(0).strip('",') if number else "?"
        except FileNotFoundError:
            continue
    return found


def left_out(rows):
    notes = {}
    for name in rows:
        notes |= {peer: f"missing, {how}" for peer, how in ROWS[name].missing().items()}
        if ROWS[name].needs():
            notes[f"row {name}"] = ROWS[name].needs()
    return notes


def forget():
    """Databases of this run, or of one that was interrupted."""
    for name in place.psql("SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'", "postgres").split():
        place.psql(f"DROP DATABASE {name} WITH (FORCE)", "postgres")


def measure(bench, name):
    started = time.time()
    try:
        ROWS[name].run(bench, bench.round)
    except (program.Broken, RuntimeError, subprocess.TimeoutExpired) as error:
        bench.failures.append(f"{name}, round {bench.round}: {error}")
        place.say(f"  FAILED: {error}")
    place.say(f"  {name} took {time.time() - started:.0f} s")


def about(bench, options, machine, rows):
    return {
        "run": bench.run,
        "rounds": options.rounds,
        "quick": options.quick,
        "short": options.short,
        "machine": machine,
        "durability": place.durability(),
        "versions": versions(),
        "left_out": left_out(rows),
        "failures": bench.failures,
    }


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, help="default 5, with --quick 1")
    parser.add_argument("--rows", default=",".join(USUAL), help="of " + ",".join(ROWS) + "; default: all but soak")
    parser.add_argument("--soak", type=float, default=60, help="minutes of the row soak, default 60")
    parser.add_argument("--short", action="store_true", help="half as long where length only makes it smoother")
    parser.add_argument("--quick", action="store_true", help="short and smaller; its verdicts are hints")
    parser.add_argument("--holds", type=int, help="rounds that hold a snapshot for two minutes, default all")
    parser.add_argument("--bodies", type=int, default=200_000, help="signed notifications to make, once")
    parser.add_argument("--peer-holds", type=int, default=1, help="rounds in which peers do so too, default 1")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.holds = options.rounds if options.holds is None else options.holds
    options.rows = options.rows.split(",")
    unknown = set(options.rows) - set(ROWS)
    if unknown or options.rounds < 1:
        parser.error(f"--rows knows {','.join(ROWS)}, and --rounds takes 1 or more")
    return options


def make_corpus(count, rows):
    """The keys, and what the rows send that send the same notifications each time."""
    program.CORPUS.mkdir(exist_ok=True)
    if not (program.CORPUS / "alipay.pem").exists():
        corpus.keys(program.CORPUS)
    if not UNSIGNED.issuperset(rows) and not (program.CORPUS / "complete").exists():
        place.say(f"signing {count} notifications and their answers, once: some minutes")
        subprocess.run([place.PYTHON, corpus.__file__, program.CORPUS, str(count)], check=True)
        (program.CORPUS / "complete").write_text(str(count))


def main():
    # What was started is stopped, however the run ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    options = arguments()
    if options.quick or options.short:
        os.environ.setdefault("SETTLED_BENCH_PATIENCE", "3")
    place.prepare()
    make_corpus(options.bodies, options.rows)
    bench, machine = Bench(options.quick, options.short, options.peer_holds, options.soak), place.machine()
    rows = [name for name in options.rows if not ROWS[name].needs()]
    with place.cluster():
        forget()
        told = about(bench, options, machine, options.rows)
        place.say(json.dumps(told, indent=1))
        try:
            for bench.round in range(1, options.rounds + 1):
                for name in rows:
                    if name == "snapshot" and bench.round > options.holds:
                        continue
                    place.say(f"round {bench.round} of {options.rounds}: {name}")
                    measure(bench, name)
        finally:
            bench.append({"about": {**told, "failures": bench.failures}})
            forget()
    path = report.write(RESULTS, place.WORK / "report", bench.run)
    for verdict in targets.verdicts(report.read(RESULTS, bench.run)[1]):
        if verdict.word != "reached":
            target = verdict.target
            place.say(f"{verdict.word}: {target.title}: {verdict.found:.3g}, to reach {target.sign} {target.bound}")
    print(path)
    if bench.failures:
        place.say(*bench.failures, sep="\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
