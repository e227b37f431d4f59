"""How soon a started program answers, and how much memory it takes; the peak under load comes from the row `line`."""

import time

import place
import program

DATABASE = "bench_footprint"


def missing():
    return {}


def needs():
    return None


def run(bench, number):
    program.fresh(DATABASE)
    for _ in range(1 if bench.quick else 3):
        busy = place.wait_for_quiet()
        start = time.perf_counter()
        with place.running([place.SETTLED, "run", "--config", program.CONFIG], log="settled-run.log") as process:
            program.wait_until("the program answers", lambda: program.answers(program.HTTP), 30, every=0.001)
            took = (time.perf_counter() - start) * 1000
            bench.keep("footprint", "start", "settled", busy=busy, ms=took, mib=place.peak_memory_mib(process.pid))
