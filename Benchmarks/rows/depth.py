"""Whether the queue slows down when many jobs wait, and when many have ended."""

import place
import program
from rows import queue

COMMAND = [place.SETTLED, "bench", "step"]
FIRST = 60_000
# A drain of so few jobs takes a second: the median of several counts in each round.
REPEATS = 3
HISTORY = 1_000_000


def missing():
    return {}


def needs():
    return None


def depths(bench):
    return {"1k": 1_000, "100k": 100_000, "1M": 1_000_000, **({} if bench.quick else {"5M": 5_000_000})}


def run(bench, number):
    for _ in range(REPEATS):
        for case, depth in depths(bench).items():
            drain(bench, case, f"bench_depth_{case.lower()}", depth)
        drain(bench, "100k after 1M", "bench_depth_after", 100_000, HISTORY)


def drain(bench, case, database, depth, history=0):
    """The first 60,000 of `depth`, which are stored anew in each round only where that is quick."""
    first = min(FIRST, depth)
    if ready(database) < depth - depth // 5:
        place.fresh_database(database)
        queue.step(COMMAND, "reset", database)
        queue.step(COMMAND, "fill", database, n=depth, history=history)
    before = (ready(database), ended(database))
    busy = place.wait_for_quiet()
    rate = queue.step(COMMAND, "drain", database, n=first)["rate"]
    program.check_queue(sum(before), before[1] + first, database)
    bench.keep("depth", case, "settled", busy=busy, rate=rate, ready=before[0], ended=before[1])


def ready(database):
    exists = place.psql(f"SELECT count(*) FROM pg_database WHERE datname = '{database}'", "postgres")
    return program.number("SELECT count(*) FROM settled.jobs", database) if exists == "1" else 0


def ended(database):
    return program.number("SELECT count(*) FROM settled.job_history", database)
