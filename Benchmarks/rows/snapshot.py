"""Full speed while somebody else's transaction holds its snapshot and vacuum can clean nothing away."""

import statistics

import place
import program
from rows import queue

DATABASE = "bench_snapshot"
CONTESTANTS = ("settled", "plain", "pgqueuer", "procrastinate", "pgq")


def missing():
    return queue.missing()


def needs():
    return None


def run(bench, number):
    place.fresh_database(DATABASE)
    warm, hold, step = (10, 30, 2) if bench.quick else (30, 120, 5)
    for name, command in queue.contestants().items():
        if name not in CONTESTANTS:
            continue
        # No figure is compared with theirs; one round shows what becomes of them.
        if name != "settled" and number > bench.peer_holds:
            continue
        queue.step(command, "reset", DATABASE)
        busy = place.wait_for_quiet()
        result = queue.step(command, "churn", DATABASE, warm=warm, pin=hold, after=step, step=step)
        if name == "settled":
            program.check_queue(stored(), result["total"], DATABASE, unsure=result["unsure"])
        before, late = parts(result["series"], warm // step, hold // step)
        bench.keep(
            "snapshot",
            "held",
            name,
            busy=busy,
            rate=late,
            before=before,
            kept=late / before if before else 0,
            series=result["series"],
            step=step,
            warm=warm,
            hold=hold,
        )


def stored():
    """The queue's own numbers: how many jobs were ever given one."""
    return program.number("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM settled.jobs_id_seq", DATABASE)


def parts(series, warm, hold):
    """The median before the snapshot, without the first figure, which has the start in it; that of the last third
    under it."""
    before, held = series[1:warm], series[warm : warm + hold]
    return statistics.median(before), statistics.median(held[-max(1, len(held) // 3) :])
